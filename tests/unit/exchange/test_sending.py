"""Connecting: a name is resolved once, checked, and that very address is connected to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from exchange.clients import sending
from exchange.clients.sending import Carrier, CheckedBackend, Unresolved, checked_addresses
from exchange.domain.addresses import AddressRefused, Guard
from exchange.domain.retries import Outcome
from integration.exchange.receiver import Receiver

PRODUCTION = Guard(development=False, ports=(443, 8443))
DEVELOPMENT = Guard(development=True, ports=(443,))


def names(*answers: Sequence[str]) -> tuple[list[str], sending.Resolver]:
    """A resolver that answers one after the other, and the names that it was asked for."""
    asked: list[str] = []

    async def answer(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return asked, answer


def carrier(guard: Guard, resolver: sending.Resolver = sending.resolve, **more: object) -> Carrier:
    numbers = {"connect_seconds": 2, "answer_seconds": 3, "most_answer_bytes": 1024, "at_once": 4} | more
    return Carrier(guard, resolver=resolver, **numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["10.1.2.3"], ["8.8.8.8", "10.1.2.3"], ["::1"], ["::ffff:169.254.169.254"], ["fe80::1%eth0"]],
)
async def test_a_name_that_leads_inside_is_refused_whatever_else_it_leads_to(answers: list[str]) -> None:
    _, resolver = names(answers)
    with pytest.raises(AddressRefused):
        await checked_addresses("hooks.example.org", 443, guard=PRODUCTION, resolver=resolver)


async def test_a_name_that_leads_nowhere_is_said_to() -> None:
    async def fails(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    for resolver in (fails, names([])[1]):
        with pytest.raises(Unresolved):
            await checked_addresses("hooks.example.org", 443, guard=PRODUCTION, resolver=resolver)


async def test_a_name_that_turns_inside_between_registration_and_connection_leads_nowhere() -> None:
    asked, resolver = names(["8.8.8.8"], ["127.0.0.1"])
    assert await checked_addresses("hooks.example.org", 443, guard=PRODUCTION, resolver=resolver)
    one = carrier(PRODUCTION, resolver)
    attempt = await one.post("https://hooks.example.org/", {}, b"{}")
    await one.close()
    assert (attempt.outcome, attempt.reason) == (Outcome.FAILED, "address-private")
    assert len(asked) == 2


async def test_the_address_that_was_checked_is_the_one_connected_to_and_the_name_is_asked_once() -> None:
    asked, resolver = names(["127.0.0.1"], ["10.0.0.1"])
    async with Receiver() as receiver:
        one = carrier(DEVELOPMENT, resolver)
        attempt = await one.post(f"http://hooks.example.org:{receiver.port}/hook?x=1", {"webhook-id": "1"}, b"{}")
        await one.close()
        [got] = receiver.got
    assert attempt.outcome is Outcome.DELIVERED
    assert asked == ["hooks.example.org"]
    assert (got.path, got.headers["host"]) == ("/hook?x=1", f"hooks.example.org:{receiver.port}")
    assert got.headers["webhook-id"] == "1"


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[tuple[int, ssl.SSLContext, list[str | None]]]:
    """A receiver with a certificate for `hooks.example.org`, who trusts it, and the names that it was greeted with."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example.org")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=20_000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "it.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    greeted: list[str | None] = []
    context.sni_callback = lambda _socket, server_name, _context: greeted.append(server_name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    trusting = ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
    # This certificate is no model for others.
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
    yield server.sockets[0].getsockname()[1], trusting, greeted
    server.close()
    await server.wait_closed()


async def test_the_name_in_tls_stays_the_receivers_and_its_certificate_is_checked(
    tls: tuple[int, ssl.SSLContext, list[str | None]],
) -> None:
    port, trusting, greeted = tls
    _, resolver = names(["127.0.0.1"])
    one = carrier(DEVELOPMENT, resolver, tls=trusting)
    good = await one.post(f"https://hooks.example.org:{port}/", {}, b"{}")
    other = await one.post(f"https://other.example.org:{port}/", {}, b"{}")
    await one.close()
    assert (good.outcome, good.reason) == (Outcome.DELIVERED, "delivered")
    assert (other.outcome, other.reason) == (Outcome.FAILED, "tls")
    assert greeted == ["hooks.example.org", "other.example.org"]
    distrusting = carrier(DEVELOPMENT, resolver)
    assert (await distrusting.post(f"https://hooks.example.org:{port}/", {}, b"{}")).reason == "tls"
    await distrusting.close()


async def test_a_redirect_a_huge_answer_and_one_that_never_comes_are_what_they_are() -> None:
    async with Receiver() as receiver:
        one = carrier(DEVELOPMENT, answer_seconds=0.3)
        receiver.answer = lambda _: (302, {"Location": receiver.url}, b"")
        assert (await one.post(receiver.url, {}, b"{}")).reason == "redirect"
        receiver.answer = lambda _: (200, {}, b"x" * 4_000_000)
        assert (await one.post(receiver.url, {}, b"{}")).outcome is Outcome.DELIVERED, "its status is enough"
        receiver.gate.clear()
        assert (await one.post(receiver.url, {}, b"{}")).reason == "timeout"
        await one.close()
        assert len(receiver.got) == 3


async def test_nobody_there_and_no_http_are_failures() -> None:
    async def gibberish(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(gibberish, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = carrier(DEVELOPMENT)
    assert (await one.post(f"http://127.0.0.1:{port}/", {}, b"{}")).reason == "broken-off"
    server.close()
    await server.wait_closed()
    assert (await one.post(f"http://127.0.0.1:{port}/", {}, b"{}")).reason == "unreachable"
    await one.close()


async def test_no_receiver_is_a_file() -> None:
    with pytest.raises(AddressRefused):
        await CheckedBackend(DEVELOPMENT).connect_unix_socket("/run/docker.sock")
    assert issubclass(Unresolved, httpcore.ConnectError)
    assert ip_address("127.0.0.1").is_loopback
