"""The clusters' open cases while decisions are made: who is admitted where, and that a hard limit is never exceeded."""

from collections.abc import Mapping

from chassis.errors import Conflict

from cluster_router.domain.choice import Standing


class ClusterIsFull(Conflict):
    """The cluster has a hard capacity and holds that many open cases."""

    code = "cluster-full"


class Ledger:
    """Loads as they stand, one cluster a line. What has changed since it was opened is in `changes`."""

    def __init__(self, standings: Mapping[str, Standing]) -> None:
        self._standings = dict(standings)
        #: Cluster -> how many more (or fewer) open cases it has than when the ledger was opened.
        self.changes: dict[str, int] = {}

    def standings(self, *, without: str | None = None) -> Mapping[str, Standing]:
        """Every cluster as it stands; `without`: as if a case of this cluster were not counted."""
        if without is None:
            return self._standings
        standing = self._standings.get(without, Standing())
        return {**self._standings, without: Standing(standing.load - 1, standing.capacity)}

    def move(self, before: str | None, after: str | None) -> None:
        """A case leaves one holder for another; None is the intake desk. Raises `ClusterIsFull`, changing nothing."""
        if before == after:
            return
        if after is not None and not self._standings.get(after, Standing()).has_room():
            raise ClusterIsFull(f"{after} is full.")
        for cluster, step in ((before, -1), (after, +1)):
            if cluster is not None:
                standing = self._standings.get(cluster, Standing())
                self._standings[cluster] = Standing(standing.load + step, standing.capacity)
                self.changes[cluster] = self.changes.get(cluster, 0) + step
