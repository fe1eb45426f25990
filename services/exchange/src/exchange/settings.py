"""What can be set of exchange, beside what every process shares."""

from chassis.settings import Settings as HouseSettings


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: Whether webhooks may go to private and loopback addresses, and over http. None: in development alone.
    webhooks_inside: bool | None = None

    @property
    def inside(self) -> bool:
        """Whether receivers inside are allowed; never in production."""
        return self.env == "development" and self.webhooks_inside is not False
