"""What can be set of referral-api, beside what every process shares."""

from chassis.settings import Settings as HouseSettings


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: The organisation of the council's intake desk: it answers for every case until a cluster does.
    intake_organisation: str = "county-council"
    #: The one county-wide system of each sector that has one, by its organisation, with commas: it may fetch a case
    #: when its sector takes part.
    sector_systems: str = ""
    #: Whom to call when a child is in danger. Absent: what `data/intake.toml` says.
    front_door_name: str | None = None
    front_door_telephone: str | None = None
    front_door_hours: str | None = None

    def is_sector_system(self, organisation: str) -> bool:
        """Whether this organisation's system is the county-wide one of its sector."""
        return organisation in {each.strip() for each in self.sector_systems.split(",")}
