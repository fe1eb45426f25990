"""The outside world: mail servers, GOV.UK Notify, a team's room, browsers. Every attempt ends in a receipt."""

from notifier.clients.mail import (
    PATIENCE_SECONDS,
    Carrier,
    FolderCarrier,
    Mail,
    MailServer,
    SmtpCarrier,
    UnusableMailUrl,
    carriers,
    mail_server,
)

__all__ = [
    "PATIENCE_SECONDS",
    "Carrier",
    "FolderCarrier",
    "Mail",
    "MailServer",
    "SmtpCarrier",
    "UnusableMailUrl",
    "carriers",
    "mail_server",
]
