"""Somebody signs in, stays so, and signs out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from portal.clients.issuer import Attempt, IssuerAway, IssuerClient, SignInRefused, Tokens
from portal.domain.sealing import Ticket
from portal.policy import Terms
from portal.store import Tx

#: A token that ends sooner than this is renewed before it is used.
_SOON: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that holds."""

    ticket: Ticket
    tokens: Tokens
    ends_at: datetime
    notice: dict[str, Any] | None


async def send_off(tx: Tx, issuer: IssuerClient, *, then: str, terms: Terms, now: datetime) -> tuple[Ticket, str]:
    """Send somebody to the issuer: the ticket for their cookie, and where they go. Raises `IssuerAway`."""
    ticket, attempt = Ticket.fresh(), Attempt.fresh(then)
    address = await issuer.address(attempt, state=ticket.digest)
    ends_at = now + timedelta(minutes=terms.sign_in_minutes)
    await tx.sessions.begin_sign_in(ticket.digest, ticket.seal(attempt.written()), ends_at=ends_at)
    return ticket, address


async def recall(tx: Tx, ticket: Ticket | None, state: str, *, now: datetime) -> Attempt:
    """What was remembered of a sign-in that began in this browser. Raises `SignInRefused`."""
    if ticket is None or ticket.digest != state:
        raise SignInRefused("another-browser")
    sealed = await tx.sessions.end_sign_in(ticket.digest, now=now)
    opened = ticket.open(sealed) if sealed is not None else None
    if opened is None:
        raise SignInRefused("too-late")
    return Attempt.read(opened)


async def open_session(tx: Tx, tokens: Tokens, *, terms: Terms, now: datetime) -> Ticket:
    """Somebody is signed in."""
    ticket = Ticket.fresh()
    await tx.sessions.open(
        ticket.digest, tokens.subject, ticket.seal(tokens.written()), now=now, ends_at=now + terms.session
    )
    return ticket


async def recognise(tx: Tx, ticket: Ticket, *, says: bool, terms: Terms, now: datetime) -> SignedIn | None:
    """The session behind a cookie, as long as it holds; `says` takes its notice along."""
    kept = await tx.sessions.touch(ticket.digest, now=now, idle_since=now - terms.idle, says=says)
    opened = ticket.open(kept.sealed) if kept is not None else None
    if kept is None or opened is None:
        return None
    return SignedIn(ticket, Tokens.read(opened), kept.ends_at, kept.notice)


def is_stale(signed_in: SignedIn, *, now: datetime) -> bool:
    """Whether the access token ends too soon to be used."""
    return signed_in.tokens.ends_at - _SOON <= now


async def renew(issuer: IssuerClient, signed_in: SignedIn, *, now: datetime) -> Tokens | None:
    """New tokens, or None when this person must sign in anew. Asked outside any transaction."""
    try:
        return await issuer.refresh(signed_in.tokens, now=now)
    except IssuerAway:
        # What there is may still hold for a moment.
        return signed_in.tokens if signed_in.tokens.ends_at > now else None
    except SignInRefused:
        return None
