"""What can be set of the notifier, beside what every process shares."""

from urllib.parse import urlsplit

from chassis.settings import Settings as HouseSettings


class Settings(HouseSettings):
    """`JOINTLY_SMTP_URL` is the house's; this adds whom letters come from."""

    #: The address in From. Absent: no-reply at the origin's host.
    mail_from: str | None = None

    @property
    def sender(self) -> str:
        """The address that letters come from."""
        return self.mail_from or f"no-reply@{urlsplit(self.audience).hostname or 'localhost'}"

    @property
    def sender_domain(self) -> str:
        """The right-hand side of the sender's address, and of every Message-ID."""
        return self.sender.rpartition("@")[2]
