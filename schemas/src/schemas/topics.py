"""Every topic as a value: who speaks on it, what for, how it is kept. One writer each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Days a fact stays on a topic. The speaker's outbox keeps it longer, so that topics can be rebuilt.
FACTS_KEPT_DAYS: Final = 30
#: Dead letters stay until somebody must have looked at them.
DEAD_LETTERS_KEPT_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Topic:
    """A named, partitioned, ordered stream of events."""

    name: str
    #: The only service that writes here, by its distribution's folder name.
    speaker: str
    purpose: str
    #: Order holds inside a partition; the key (the event's subject) picks the partition.
    partitions: int = 6
    #: True: only the newest event of each subject is kept, for ever. False: all, for `kept_days`.
    compacted: bool = False
    kept_days: int = FACTS_KEPT_DAYS
    #: Never leaves the house, not even projected: it carries staff's work contacts.
    internal: bool = False
    #: Leaves the house: what others said on their topics, without the fields that the hearer has no right to.
    projected: bool = False

    @property
    def source(self) -> str:
        """The CloudEvents `source` of everything on this topic; sequences count within it."""
        if self.projected:
            return f"/{self.speaker}/{self.name}"
        suffix = "/dead-letters" if self.name.endswith("-dead-letters") else ""
        return f"/{self.speaker}{suffix}"


REFERRALS: Final = Topic(
    "referral-events", "referral-api", "Referrals as they arrive and change, and the cases they open."
)
ROUTING: Final = Topic("routing-events", "cluster-router", "Which cluster holds a case, and every hand-over of it.")
CLUSTERS: Final = Topic(
    "cluster-events",
    "cluster-router",
    "Clusters as they now are: lead school, members, teams, capacity.",
    compacted=True,
)
DIRECTORY: Final = Topic(
    "directory-events",
    "directory",
    "Organisations, schools, people and roles as they now are.",
    compacted=True,
    internal=True,
)
ASSESSMENTS: Final = Topic(
    "assessment-events", "assessments", "Advice asked and given, plans and their cycles, the clocks of the law."
)
FUNDING: Final = Topic("funding-events", "funding", "Early money: asked for, granted, paid; what budgets have left.")
PLACEMENTS: Final = Topic(
    "placement-events", "placements", "Exclusions and the duties they start, risks, places, offers, placements."
)
NOTIFICATIONS: Final = Topic(
    "notification-events", "notifier", "Messages sent, delivered and failed, without their content."
)
EXCHANGE: Final = Topic(
    "exchange-events", "exchange", "Recalls of what was told, who acknowledged them, and trials of subscriptions."
)


def sector_feed(sector: str) -> Topic:
    """What the one county-wide system of a sector hears, in cases that its sector takes part in."""
    return Topic(
        f"{sector}-feed",
        "exchange",
        f"What {sector} may hear of the cases that it takes part in, as the sharing rules say.",
        projected=True,
    )


def agreement_feed(agreement_id: str) -> Topic:
    """What one other agency hears by the broker, as its agreement says. Made when the first subscription wants it."""
    return Topic(
        f"agreement-{agreement_id}-feed",
        "exchange",
        f"What may be heard under the sharing agreement {agreement_id}.",
        partitions=3,
        projected=True,
    )


#: One for each sector that has a county-wide system.
FEEDS: Final[Mapping[str, Topic]] = {sector: sector_feed(sector) for sector in ("education", "health", "social-care")}


def dead_letters(reader: str) -> Topic:
    """What one reader could not take, with the reason, until it is put back."""
    return Topic(
        f"{reader}-dead-letters",
        reader,
        f"Events that {reader} could not take, each with its reason.",
        partitions=1,
        kept_days=DEAD_LETTERS_KEPT_DAYS,
        internal=True,
    )


#: Services that read events, each with its own dead letters.
READERS: Final = ("referral-api", "cluster-router", "assessments", "funding", "placements", "exchange", "notifier")

TOPICS: Final[Mapping[str, Topic]] = {
    topic.name: topic
    for topic in (
        REFERRALS,
        ROUTING,
        CLUSTERS,
        DIRECTORY,
        ASSESSMENTS,
        FUNDING,
        PLACEMENTS,
        NOTIFICATIONS,
        EXCHANGE,
        *FEEDS.values(),
        *(dead_letters(reader) for reader in READERS),
    )
}
