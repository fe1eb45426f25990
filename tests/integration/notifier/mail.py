"""A real mail server in this process that can be told to misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Reply = Callable[[str], str | None]


@dataclass
class MailHost:
    """What a server was given, and how it answers. Hooks get the recipient; None: accepted."""

    port: int = 0
    #: Every letter that was taken, whole, in order; twice if it came twice.
    taken: list[tuple[str, Message]] = field(default_factory=list)
    on_recipient: Reply = lambda _: None
    on_content: Reply = lambda _: None
    #: Take the letter, then hang up without a word.
    drops_after_content: bool = False
    #: Answer nothing after the content.
    hangs: asyncio.Event | None = None
    sessions: int = 0

    def ids(self, recipient: str | None = None) -> list[str]:
        """The Message-IDs of what was taken."""
        return [m["Message-ID"] for to, m in self.taken if recipient in {None, to}]

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Somebody is addressed."""
        answer = self.on_recipient(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """A letter has come in whole."""
        recipient = envelope.rcpt_tos[0]
        answer = self.on_content(recipient)
        if answer is not None:
            return answer
        if self.hangs is not None:
            await self.hangs.wait()
        assert isinstance(envelope.content, bytes)
        self.taken.append((recipient, message_from_bytes(envelope.content)))
        if self.drops_after_content:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 2.0.0 queued as 12345"

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator["MailHost"]:
        """The server, on a port of its own."""

        def session() -> SMTP:
            self.sessions += 1
            return SMTP(self, enable_SMTPUTF8=True, hostname="mail.test", loop=asyncio.get_running_loop(), **options)

        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            if self.hangs is not None:
                self.hangs.set()
            server.close()
            await server.wait_closed()

    def url(self, query: str = "timeout=5", *, user: str = "") -> str:
        """Its JOINTLY_SMTP_URL."""
        return f"smtp://{user}127.0.0.1:{self.port}?{query}"


def password_is(expected: bytes) -> Callable[..., AuthResult]:
    """An authenticator that takes one password."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == expected
        return AuthResult(success=good)

    return check


def own_certificate(folder: Any) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context with a certificate for 127.0.0.1, and the file that believes it."""
    from datetime import timedelta
    from ipaddress import ip_address

    from chassis.clock import wall_now
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = wall_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    return context, str(pem)
