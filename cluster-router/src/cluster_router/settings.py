"""What can be set of cluster-router, beside what every process shares."""

from chassis.settings import Settings as HouseSettings


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: The organisation of the council's intake desk: it answers for every case until a cluster does.
    intake_organisation: str = "county-council"
