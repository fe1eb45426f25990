"""E-mail: a mail server, or a folder that stands in for one.

`JOINTLY_SMTP_URL` is `smtp://`, `smtps://` or `file:`, with these after a `?`: `starttls` (required, if-offered,
never), `ca` (a file of authorities to believe) and `timeout` (seconds for one letter, at most 30).
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from email.policy import SMTPUTF8 as INTERNATIONAL_MAIL
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from notifier.domain.post import Answer, Attempt, Stage, meaning, reply_kept

_ENCRYPTION: Final = ("required", "if-offered", "never")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
#: Seconds for one letter, from the connection to the last reply; the lease of a letter is longer.
PATIENCE_SECONDS: Final = 30.0
_GOODBYE_SECONDS: Final = 2.0


class UnusableMailUrl(ValueError):
    """`JOINTLY_SMTP_URL` does not say where letters go. The message never quotes it: it may hold a password."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter ready to leave. The same letter has the same bytes at every attempt."""

    sender: str
    recipient: str
    subject: str
    body: str
    message_id: str
    #: When it was first asked for: its date, whenever it is sent.
    dated: datetime
    #: Where it can be read on; inside the body already, and for channels that carry it beside the text.
    link: str = ""
    #: It was tried before, and may have arrived.
    again: bool = False

    @property
    def international(self) -> bool:
        """Whether an address needs more than ASCII."""
        return not (self.recipient.isascii() and self.sender.isascii())

    def as_bytes(self) -> bytes:
        """As it travels. Raises `ValueError` when the recipient is no address."""
        message = EmailMessage(INTERNATIONAL_MAIL if self.international else MAIL)
        message["From"] = _address(self.sender)
        message["To"] = _address(self.recipient)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.dated)
        message["Message-ID"] = self.message_id
        # Nobody's holiday reply comes back.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.body)
        return message.as_bytes()


def _address(text: str) -> Address:
    """One mailbox. Raises `ValueError` for anything else."""
    try:
        # The parser takes ASCII alone; what is beyond it cannot change where the parts of an address begin and end.
        Address(addr_spec="".join(c if c.isascii() else "x" for c in text))
    except (HeaderParseError, IndexError) as error:
        raise ValueError("No address.") from error
    local, _, domain = text.rpartition("@")
    return Address(username=local, domain=domain)


class Carrier(Protocol):
    """Takes letters somewhere, one at a time."""

    async def carry(self, mail: Mail) -> Attempt:
        """Try once. Whatever goes wrong is in the receipt."""

    async def rest(self) -> None:
        """Nothing to do for now: let go of what is held open."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where and how letters are handed over."""

    host: str
    port: int
    #: TLS from the first byte.
    implicit_tls: bool
    #: Otherwise STARTTLS: required, if-offered, never.
    encryption: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authorities: Path | None = None
    patience: float = PATIENCE_SECONDS


def carriers(url: str | None, *, state: Path, name: str) -> Callable[[], Carrier]:
    """Makes carriers for what a URL says; without one, letters become files in the state folder.

    `name` is what we call ourselves to a server. Raises `UnusableMailUrl`.
    """
    parts = urlsplit(url or "file:")
    if parts.scheme == "file":
        folder = Path(unquote(parts.path)) if parts.path else state / "mail"
        return lambda: FolderCarrier(folder)
    server = mail_server(url or "")
    return lambda: SmtpCarrier(server, name)


def mail_server(url: str) -> MailServer:
    """Read an `smtp://` or `smtps://` URL. Raises `UnusableMailUrl`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        patience = float(options.pop("timeout", PATIENCE_SECONDS))
    except ValueError as error:
        raise UnusableMailUrl("JOINTLY_SMTP_URL cannot be read.") from error
    implicit = parts.scheme == "smtps"
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise UnusableMailUrl("JOINTLY_SMTP_URL must be smtp://host, smtps://host or file:folder.")
    # In the clear only on this machine, and never with a password.
    plain = parts.hostname in _HERE and parts.username is None
    encryption = options.pop("starttls", "if-offered" if plain else "required")
    authorities = options.pop("ca", None)
    if encryption not in _ENCRYPTION or options or not 0 < patience <= PATIENCE_SECONDS:
        raise UnusableMailUrl("JOINTLY_SMTP_URL has an option that means nothing: starttls, ca, timeout.")
    if parts.username is not None and not implicit and encryption != "required":
        raise UnusableMailUrl("JOINTLY_SMTP_URL would send a password in the clear; let starttls be required.")
    return MailServer(
        host=parts.hostname,
        port=port or (465 if implicit else 587 if parts.username else 25),
        implicit_tls=implicit,
        encryption=encryption,
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
        authorities=Path(authorities) if authorities else None,
        patience=patience,
    )


class SmtpCarrier:
    """One connection to a mail server, kept while there is something to send."""

    def __init__(self, server: MailServer, name: str) -> None:
        self._server = server
        self._name = name
        self._client: aiosmtplib.SMTP | None = None
        self._stage = Stage.CONNECT

    async def carry(self, mail: Mail) -> Attempt:
        """Hand over one letter within the server's patience."""
        self._stage = Stage.RECIPIENT
        try:
            content = mail.as_bytes()
        except ValueError:
            return Attempt(Answer.REFUSED, Stage.RECIPIENT, None, "Not an address.")
        try:
            async with asyncio.timeout(self._server.patience):
                code, reply = await self._converse(mail, content)
        except aiosmtplib.SMTPResponseException as error:
            await self._start_over()
            return self._receipt(mail, error.code if error.code > 0 else None, error.message)
        except ValueError:
            self._drop()
            answer = Answer.REFUSED if self._stage is Stage.RECIPIENT else Answer.SERVER_DOWN
            return Attempt(answer, self._stage, None, "Not an address.")
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
            self._drop()
            return self._receipt(mail, None, type(error).__name__)
        except BaseException:
            self._drop()
            raise
        return self._receipt(mail, code, reply)

    async def rest(self) -> None:
        """Say goodbye."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await client.quit()
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            client.close()

    async def _converse(self, mail: Mail, content: bytes) -> tuple[int, str]:
        client = await self._connected()
        options, encoding = (["SMTPUTF8"], "utf-8") if mail.international else ([], "ascii")
        self._stage = Stage.SENDER
        if mail.international and not client.supports_extension("smtputf8"):
            self._stage = Stage.RECIPIENT
            raise aiosmtplib.SMTPResponseException(553, "The server takes ASCII addresses only.")
        await client.mail(mail.sender, options=options, encoding=encoding)
        self._stage = Stage.RECIPIENT
        await client.rcpt(mail.recipient, encoding=encoding)
        self._stage = Stage.CONTENT
        response = await client.data(content)
        return response.code, response.message

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        self._stage = Stage.CONNECT
        client = self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.implicit_tls,
            start_tls=False,
            local_hostname=self._name,
            timeout=server.patience,
            cert_bundle=str(server.authorities) if server.authorities else None,
        )
        await client.connect()
        self._stage = Stage.HELLO
        await client.ehlo()
        self._stage = Stage.ENCRYPT
        offered = client.supports_extension("starttls")
        if not server.implicit_tls and (
            server.encryption == "required" or (server.encryption == "if-offered" and offered)
        ):
            await client.starttls()
            await client.ehlo()
        self._stage = Stage.SIGN_IN
        if server.user is not None:
            await client.login(server.user, server.password or "")
        return client

    async def _start_over(self) -> None:
        """The server said no: the connection may serve the next letter."""
        if self._client is None or not self._client.is_connected or self._stage not in {Stage.RECIPIENT, Stage.CONTENT}:
            self._drop()
            return
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._client.rset()
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _receipt(self, mail: Mail, code: int | None, reply: str) -> Attempt:
        return Attempt(meaning(self._stage, code), self._stage, code, reply_kept(reply, mail.recipient))


class FolderCarrier:
    """Letters as files, one for each Message-ID: what a laptop and a demonstration have instead of a mail server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def carry(self, mail: Mail) -> Attempt:
        """Write the letter where people can open it."""
        try:
            content = mail.as_bytes()
        except ValueError:
            return Attempt(Answer.REFUSED, Stage.RECIPIENT, None, "Not an address.")
        name = mail.message_id.strip("<>").partition("@")[0] + ".eml"
        try:
            await asyncio.to_thread(self._write, name, content)
        except OSError as error:
            return Attempt(Answer.SERVER_DOWN, Stage.CONNECT, None, type(error).__name__)
        return Attempt(Answer.ACCEPTED, Stage.CONTENT, 250, name)

    async def rest(self) -> None:
        """Nothing is held open."""

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._folder / f".{name}.{os.getpid()}"
        with beside.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(self._folder / name)
