"""What can be set of the portal, beside what every process shares."""

from chassis.settings import Settings as HouseSettings
from pydantic import SecretStr


class Settings(HouseSettings):
    """Read from `JOINTLY_…` variables."""

    #: Where the public API is asked. Absent: at the house's own origin.
    portal_api: str | None = None
    #: What the issuer knows the portal as, and its secret where it gives one; the development issuer gives none.
    portal_client_id: str = "jointly-portal"
    portal_client_secret: SecretStr | None = None
    #: What the pages call the county.
    portal_county: str = "The county"

    @property
    def api_origin(self) -> str:
        """Where requests of the pages go."""
        return (self.portal_api or self.audience).rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether people reach the house by https; then cookies go no other way."""
        return self.audience.startswith("https://")
