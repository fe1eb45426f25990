"""What can be set of the notifier, beside what every process shares."""

from urllib.parse import urlsplit

from chassis.settings import Settings as HouseSettings
from pydantic import SecretStr


class Settings(HouseSettings):
    """`JOINTLY_SMTP_URL` is the house's; this adds whom letters come from, and further channels.

    A channel without its settings is not offered to anybody.
    """

    #: The address in From. Absent: no-reply at the origin's host.
    mail_from: str | None = None
    #: Whether messages leave as soon as they may, without digests and quiet hours. Absent: only in development.
    post_at_once: bool | None = None
    #: GOV.UK Notify: the service's key, and its templates by channel (sms, email, letter): `{"sms": "…"}`.
    notify_key: SecretStr | None = None
    notify_url: str = "https://api.notifications.service.gov.uk"
    notify_templates: dict[str, str] = {}  # noqa: RUF012  Pydantic copies it
    #: What Notify's receipts must carry as their bearer token.
    notify_callback_token: SecretStr | None = None
    #: Rooms in Teams or Slack as Apprise writes them, by place: `{"cluster:…": "msteams://…", "council": "slack://…"}`.
    chat_rooms: dict[str, SecretStr] = {}  # noqa: RUF012  Pydantic copies it
    #: Web push: our private VAPID key (32 bytes, base64url), and who answers for it.
    vapid_key: SecretStr | None = None
    vapid_contact: str | None = None
    #: Where browsers' push services are; a subscription elsewhere is refused.
    push_hosts: tuple[str, ...] = (
        "fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com", "notify.windows.com",
    )  # fmt: skip

    @property
    def sender(self) -> str:
        """The address that letters come from."""
        return self.mail_from or f"no-reply@{urlsplit(self.audience).hostname or 'localhost'}"

    @property
    def sender_domain(self) -> str:
        """The right-hand side of the sender's address, and of every Message-ID."""
        return self.sender.rpartition("@")[2]

    @property
    def at_once(self) -> bool:
        """Whether nothing waits for its hour."""
        return self.env == "development" if self.post_at_once is None else self.post_at_once

    def by_notify(self, channel: str) -> bool:
        """Whether GOV.UK Notify carries a channel. E-mail goes by our own mail server where there is one."""
        return (
            self.notify_key is not None
            and channel in self.notify_templates
            and not (channel == "email" and self.smtp_url is not None)
        )

    @property
    def offered(self) -> tuple[str, ...]:
        """The channels that people can be reached by, beside the inbox. E-mail is always one: else it is files."""
        return (
            "email",
            *(channel for channel in ("sms", "letter") if self.by_notify(channel)),
            *(("push",) if self.vapid_key is not None else ()),
            *(("chat",) if self.chat_rooms else ()),
        )
