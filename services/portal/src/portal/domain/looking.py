"""Who must say why before they look at a case: those whose teams do not hold it."""

from collections.abc import Collection


def is_outside(*, clusters: Collection[str], county_wide: bool, holds: str | None, offered_to: str | None) -> bool:
    """Whether a case is outside the viewer's own teams.

    `clusters` are the viewer's; `county_wide`: they work for the council, with every cluster and with none. A case
    that no cluster holds lies at the desk, and whoever the API lets see it there may.
    """
    if holds is None or holds in clusters or (offered_to is not None and offered_to in clusters):
        return False
    return bool(clusters) or county_wide
