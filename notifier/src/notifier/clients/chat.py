"""A team's room in Teams or Slack, or wherever Apprise reaches."""

import warnings

import apprise

from notifier.clients.mail import Mail
from notifier.clients.threads import in_a_thread
from notifier.domain.post import Answer, Attempt, Stage


class ChatCarrier:
    """Speaks in rooms; a mail's recipient is the room's address, which is a secret and kept nowhere else."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # Loading its many ways to speak, Apprise looks for modules that Python gives up.
            warnings.simplefilter("ignore", DeprecationWarning)
            apprise.Apprise.instantiate("json://localhost/")

    async def carry(self, mail: Mail) -> Attempt:
        """Say one thing in one room."""
        return await in_a_thread(self._carry, mail)

    async def rest(self) -> None:
        """Nothing is held open."""

    def _carry(self, mail: Mail) -> Attempt:
        room = apprise.Apprise()
        if not room.add(mail.recipient):
            return Attempt(Answer.REFUSED, Stage.RECIPIENT, None, "Not a room.")
        # Apprise says yes or no and not why: a no may be the room's or the server's, so it is tried again.
        if room.notify(title=mail.subject, body=mail.body):
            return Attempt(Answer.ACCEPTED, Stage.CONTENT, 200, "said")
        return Attempt(Answer.LATER, Stage.CONTENT, None, "Apprise could not say it.")
