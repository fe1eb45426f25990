"""The expected nos of referral-api, each named after its situation."""

from collections.abc import Sequence
from datetime import date

from chassis.errors import Conflict, FieldError, Forbidden, Invalid

from referral_api.domain.content import Flaw
from referral_api.domain.lifecycle import ReferralStatus


class UnfitReferral(Invalid):
    """What was sent makes no sense as a referral."""

    code = "unfit-referral"

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(
            "The referral cannot be taken as it is; see errors.",
            errors=[FieldError(flaw.pointer, flaw.code, flaw.detail) for flaw in flaws],
        )


class UnfitNotice(Invalid):
    """What was sent makes no sense as a notice of an exclusion."""

    code = "unfit-notice"

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__(
            "The notice cannot be taken as it is; see errors.",
            errors=[FieldError(flaw.pointer, flaw.code, flaw.detail) for flaw in flaws],
        )


class ReferenceTaken(Conflict):
    """The school has sent another notice under this reference."""

    code = "reference-taken"

    def __init__(self, exclusion_id: str) -> None:
        super().__init__(
            "You have sent another notice under this reference. Correct that one at"
            f" /v1/exclusions/{exclusion_id}, or give this one a reference of its own.",
            pointer="/reference",
        )


class NotFromHere(Forbidden):
    """Only schools and the council tell of exclusions."""

    code = "not-from-here"

    def __init__(self) -> None:
        super().__init__("A school or the council tells of an exclusion; ask the child's school to send it.")


class NotYourNumber(Invalid):
    """Each sector has its own number of a child and no other."""

    code = "not-your-number"


class NothingAsked(Invalid):
    """A search for nothing would be a list."""

    code = "nothing-asked"


class IsNotice(Conflict):
    """It is no referral but a notice of an exclusion."""

    code = "exclusion-notice"

    def __init__(self, exclusion_id: str) -> None:
        super().__init__(
            "This is a notice of an exclusion: only what it says of the child is changed here; the rest is corrected"
            f" or cancelled at /v1/exclusions/{exclusion_id}."
        )


class UnknownCode(Invalid):
    """The code is in no registry, or not on this day."""

    code = "unknown-code"


class DueInThePast(Invalid):
    """Nobody can answer by yesterday."""

    code = "due-in-the-past"


class OutOfTurn(Conflict):
    """A referral in this state cannot go there."""

    code = "out-of-turn"

    def __init__(self, was: ReferralStatus) -> None:
        super().__init__(f"The referral is {was.value.replace('-', ' ')}; this cannot be done any more.")


class CaseIsClosed(Conflict):
    """The case ended."""

    code = "case-closed"

    def __init__(self) -> None:
        super().__init__("The case is closed. A new referral of the child opens the next one.")


class CaseIsOpen(Conflict):
    """Somebody still works the case."""

    code = "case-open"

    def __init__(self) -> None:
        super().__init__("The case is open. It is closed first, then erased.")


class AlreadyErased(Conflict):
    """Nothing personal is left of the case."""

    code = "already-erased"

    def __init__(self) -> None:
        super().__init__("The case was erased before.")


class KeptLonger(Conflict):
    """The retention rule wants it kept."""

    code = "kept-longer"

    def __init__(self, until: date, overriding: Sequence[str]) -> None:
        super().__init__(
            f"The retention rule keeps this case until {until}. Earlier it is erased for one of these reasons alone:"
            f" {', '.join(overriding)}.",
            pointer="/reason",
        )


class AnotherReference(Invalid):
    """What was typed is not the reference of this case."""

    code = "another-reference"

    def __init__(self) -> None:
        super().__init__("Type the reference of the case that you mean; this is not it.", pointer="/reference")


class SeenAlready(Conflict):
    """They may read the case as it is."""

    code = "seen-already"

    def __init__(self) -> None:
        super().__init__("You may read this case without asking.")


class AlreadyAnswered(Conflict):
    """The request for information was answered."""

    code = "already-answered"

    def __init__(self) -> None:
        super().__init__("This request has been answered.")


class AlreadyDecided(Conflict):
    """Somebody has decided about these two."""

    code = "already-decided"

    def __init__(self) -> None:
        super().__init__("This has been decided. A wrong link is undone by taking the referral out of the case.")


class OnlyReferral(Conflict):
    """The case has no other referral."""

    code = "only-referral"

    def __init__(self) -> None:
        super().__init__("This is the only referral of its case; there is nothing to take it out of.")


class AlreadyThere(Conflict):
    """The referral belongs to that case."""

    code = "already-there"

    def __init__(self) -> None:
        super().__init__("The referral belongs to this case already.")


class SeveralReferrals(Conflict):
    """More than one stands under what the sender calls it."""

    code = "several-referrals"

    def __init__(self, where: str) -> None:
        super().__init__(
            "You have several referrals under this reference. Send the id of the one that you mean.", pointer=where
        )


class NotTheirsToDo(Forbidden):
    """They see it, but it is for others to do."""

    code = "not-yours-to-do"
