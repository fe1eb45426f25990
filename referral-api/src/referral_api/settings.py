"""What can be set of referral-api, beside what every process shares."""

from chassis.settings import Settings as HouseSettings


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: The organisation of the council's intake desk: it answers for every case until a cluster does.
    intake_organisation: str = "county-council"
    #: Whom to call when a child is in danger. Absent: what `data/intake.toml` says.
    front_door_name: str | None = None
    front_door_telephone: str | None = None
    front_door_hours: str | None = None
