"""Web push: a notice in somebody's browser, encrypted for it alone and signed with our VAPID key."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final

import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02  # type: ignore[import-untyped]
from pywebpush import WebPushException, webpush  # type: ignore[import-untyped]

from notifier.clients.mail import Mail
from notifier.clients.threads import CALL_SECONDS, in_a_thread
from notifier.domain.post import Answer, Attempt, Stage

_GONE: Final = frozenset({404, 410})
_REFUSED: Final = frozenset({400, 403, 413})
#: A notice that is older than this helps nobody.
_KEPT_SECONDS: Final = 12 * 3600


class PushCarrier:
    """Sends notices; a mail's recipient is the JSON of somebody's browsers."""

    def __init__(self, *, key: str, contact: str) -> None:
        self._key = Vapid02.from_string(key)
        self._contact = contact
        #: Browsers that the last mail found gone.
        self.gone: Sequence[str] = ()

    async def carry(self, mail: Mail) -> Attempt:
        """Send one notice to every browser of somebody. One that took it is enough."""
        return await in_a_thread(self._carry, mail)

    async def rest(self) -> None:
        """Nothing is held open."""

    def _carry(self, mail: Mail) -> Attempt:
        notice = json.dumps({"title": mail.subject, "body": mail.body, "url": mail.link, "tag": mail.message_id})
        codes: list[int | None] = []
        gone: list[str] = []
        with requests.Session() as session:
            for browser in json.loads(mail.recipient):
                code = self._send(session, browser, notice)
                codes.append(code)
                if code in _GONE:
                    gone.append(browser["endpoint"])
        self.gone = gone
        taken = next((code for code in codes if code is not None and code < 300), None)  # noqa: PLR2004
        if taken is not None:
            return Attempt(Answer.ACCEPTED, Stage.CONTENT, taken, "taken")
        code = next((code for code in codes if code not in _GONE), codes[0] if codes else None)
        if not codes or code in _GONE or code in _REFUSED:
            return Attempt(Answer.REFUSED, Stage.RECIPIENT, code, "No browser takes it.")
        return Attempt(Answer.LATER, Stage.CONTENT, code, "Not now.")

    def _send(self, session: requests.Session, browser: dict[str, Any], notice: str) -> int | None:
        try:
            answer: Any = webpush(
                subscription_info={
                    "endpoint": browser["endpoint"],
                    "keys": {"p256dh": browser["p256dh"], "auth": browser["auth"]},
                },
                data=notice,
                vapid_private_key=self._key,
                vapid_claims={"sub": self._contact},
                ttl=_KEPT_SECONDS,
                timeout=CALL_SECONDS / 3,
                requests_session=session,
            )
        except WebPushException as error:
            code: int | None = error.status_code
            return code
        except (requests.RequestException, ValueError):
            return None
        return int(answer.status_code)


def public_key(key: str) -> str:
    """What a browser subscribes with: the public half of the VAPID key."""
    point = Vapid02.from_string(key).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")
