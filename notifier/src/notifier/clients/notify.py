"""GOV.UK Notify: text messages, e-mail and letters by its own client package, and what its answers mean."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from notifications_python_client.errors import APIError
from notifications_python_client.notifications import NotificationsAPIClient

from notifier.clients.mail import Mail
from notifier.clients.threads import CALL_SECONDS, PATIENCE, in_a_thread
from notifier.domain.post import Answer, Attempt, Stage, reply_kept
from notifier.domain.rules import Channel

_CREATED: Final = 201
_REFUSED: Final = 400
_FORBIDDEN: Final = frozenset({401, 403})
#: What a receipt's status means for us; others are on their way.
DELIVERED: Final = frozenset({"delivered", "received"})
FAILED: Final = frozenset(
    {
        "permanent-failure",
        "temporary-failure",
        "technical-failure",
        "validation-failed",
        "virus-scan-failed",
        "cancelled",
    }
)


class NotifyCarrier:
    """One channel of GOV.UK Notify.

    Its `reference` is ours and not unique there: before it is asked again, it is asked whether it has it already.
    """

    def __init__(self, *, key: str, url: str, channel: Channel, template: str) -> None:
        self._client: Any = NotificationsAPIClient(key, base_url=url, timeout=CALL_SECONDS)  # type: ignore[no-untyped-call]
        self._channel = channel
        self._template = template

    async def carry(self, mail: Mail) -> Attempt:
        """Hand over one message."""
        return await in_a_thread(self._carry, mail)

    async def rest(self) -> None:
        """Nothing to do: connections are kept."""

    async def status(self, reference: str) -> str | None:
        """What became of a message, in Notify's own word; None: it cannot say now, or knows of none."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(self._status, reference)
        except (APIError, TimeoutError):
            return None

    def _status(self, reference: str) -> str | None:
        found: Any = self._client.get_all_notifications(reference=reference)
        return next((str(one["status"]) for one in found.get("notifications", ()) if "status" in one), None)

    def _carry(self, mail: Mail) -> Attempt:
        try:
            if mail.again and self._has(mail.message_id):
                return Attempt(Answer.ACCEPTED, Stage.CONTENT, _CREATED, "Notify had it already.")
            self._send(mail)
        except APIError as error:
            return _receipt(error, mail.recipient)
        return Attempt(Answer.ACCEPTED, Stage.CONTENT, _CREATED, "created")

    def _has(self, reference: str) -> bool:
        found: Any = self._client.get_all_notifications(reference=reference)
        return bool(found.get("notifications"))

    def _send(self, mail: Mail) -> None:
        said = {"subject": mail.subject, "body": mail.body}
        send: Mapping[Channel, Callable[[], Any]] = {
            Channel.SMS: lambda: self._client.send_sms_notification(
                mail.recipient, self._template, personalisation={"body": mail.body}, reference=mail.message_id
            ),
            Channel.EMAIL: lambda: self._client.send_email_notification(
                mail.recipient, self._template, personalisation=said, reference=mail.message_id
            ),
            Channel.LETTER: lambda: self._client.send_letter_notification(
                self._template, personalisation={**said, **_lines(mail.recipient)}, reference=mail.message_id
            ),
        }
        send[self._channel]()


def _lines(address: str) -> dict[str, str]:
    lines = [line.strip() for line in address.splitlines() if line.strip()]
    return {f"address_line_{n}": line for n, line in enumerate(lines[:7], 1)}


def _receipt(error: APIError, recipient: str) -> Attempt:
    response = error.response
    if response is None:
        # Nobody answered: it may have arrived.
        return Attempt(Answer.SERVER_DOWN, Stage.CONNECT, None, type(error.__cause__ or error).__name__)
    code = response.status_code
    reply = reply_kept(str(error.message), recipient)
    if code in _FORBIDDEN:
        # Our key, not this message.
        return Attempt(Answer.SERVER_DOWN, Stage.SIGN_IN, code, reply)
    if code == _REFUSED:
        return Attempt(Answer.REFUSED, Stage.RECIPIENT, code, reply)
    # Too many at once, or trouble of theirs: everybody waits a little.
    return Attempt(Answer.SERVER_DOWN, Stage.HELLO, code, reply)
