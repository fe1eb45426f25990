"""What other people's Kafka clients see of our events, and we of theirs."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from socket import socket

import pytest
from chassis.clock import new_id, wall_now, wall_seconds
from chassis.event_log.interface import Message, Partition, Record
from chassis.event_log.kafka import Brokers, KafkaEventLog
from chassis.event_log.partitioner import murmur2, partition_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jointly.broker import KafkaBroker
from schemas.envelope import Envelope
from schemas.notification import NotificationDelivered
from schemas.topics import Topic
from support.kafka import kcat

PATIENCE = 60.0
SECURE = """
listeners=CLIENT://127.0.0.1:${{port}},BROKER://127.0.0.1:${{broker_port}},\\
  CONTROLLER://127.0.0.1:${{controller_port}},SECURE://127.0.0.1:{port}
advertised.listeners=CLIENT://127.0.0.1:${{port}},BROKER://127.0.0.1:${{broker_port}},SECURE://127.0.0.1:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.connections.max.reauth.ms=2000
"""


def a_topic(partitions: int = 3) -> Topic:
    """A topic that no other test uses."""
    return Topic(f"test-{new_id()}", "tests", "A test's own.", partitions=partitions)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_hashed_as_kafkas_own_client_hashes_them(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed % 2**32


@pytest.mark.kafka
async def test_another_client_puts_a_key_into_the_partition_that_we_do(
    kafka_log: KafkaEventLog, kafka_bootstrap: str
) -> None:
    topic = a_topic(partitions=7)
    await kafka_log.ensure_topics([topic])
    keys = [new_id() for _ in range(50)]
    given = "".join(f"{key}|x\n" for key in keys).encode()
    sent = ("-P", "-b", kafka_bootstrap, "-t", topic.name, "-K", "|", "-X", "partitioner=murmur2_random")
    await asyncio.to_thread(kcat, *sent, given=given)
    for number in range(7):
        records = await kafka_log.read(Partition(topic.name, number), 0)
        assert all(partition_of(record.key, 7) == number for record in records)
        assert all(record.value == b"x" for record in records)


@pytest.mark.kafka
async def test_another_client_sees_a_cloudevent_in_binary_mode(kafka_log: KafkaEventLog, kafka_bootstrap: str) -> None:
    topic, case = a_topic(), new_id()
    await kafka_log.ensure_topics([topic])
    event = NotificationDelivered(case_id=case, notification_id=new_id(), channel="email", person_id=new_id())
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    key, headers, value = Envelope.of(event, id=new_id(), time=at, sequence=3, correlation_id=new_id()).to_kafka()
    await kafka_log.appender("w").append([Message(topic.name, key, value, tuple(headers))])

    seen = await asyncio.to_thread(kcat, "-C", "-b", kafka_bootstrap, "-t", topic.name, "-e", "-q", "-J")
    record = json.loads(seen)
    told = dict(zip(record["headers"][::2], record["headers"][1::2], strict=True))
    assert record["key"] == case
    assert record["tstype"] == "logappend"
    assert (told["ce_specversion"], told["ce_type"]) == ("1.0", "jointly.notification.delivered.v1")
    assert (told["ce_subject"], told["ce_source"], told["ce_subjectsequence"]) == (case, "/notifier", "3")
    assert (told["ce_time"], told["content-type"]) == ("2026-11-20T09:30:00Z", "application/json")
    assert NotificationDelivered.from_json(record["payload"]) == event


@pytest.mark.kafka
async def test_what_a_stranger_wrote_without_key_or_value_is_still_delivered(
    kafka_log: KafkaEventLog, kafka_bootstrap: str
) -> None:
    topic = a_topic(partitions=1)
    await kafka_log.ensure_topics([topic])
    await asyncio.to_thread(kcat, "-P", "-b", kafka_bootstrap, "-t", topic.name, given=b"no key\n")
    await asyncio.to_thread(kcat, "-P", "-b", kafka_bootstrap, "-t", topic.name, "-K", ":", "-Z", given=b"gone:\n")
    got: list[Record] = []
    stop = asyncio.Event()

    async def deliver(records: Sequence[Record]) -> None:
        got.extend(records)
        if len(got) == 2:
            stop.set()

    async with asyncio.timeout(PATIENCE):
        await kafka_log.consume(new_id(), [topic.name], deliver, stop=stop)
    assert [(record.key, record.value) for record in got] == [(b"", b"no key"), (b"gone", b"")]


@pytest.mark.kafka
async def test_over_tls_with_a_password_and_sessions_that_end_nothing_is_lost(
    own_kafka: Callable[..., Awaitable[KafkaBroker]], tmp_path: Path
) -> None:
    """A broker ends every connection after two seconds; the client does not sign in again on an open one."""
    authority = tmp_path / "authority.pem"
    keystore = a_certificate(authority)
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await own_kafka(settings=SECURE.format(port=port, keystore=keystore), scram={"router": "a-password"})
    brokers = Brokers(f"127.0.0.1:{port}", "SASL_SSL", "SCRAM-SHA-512", "router", "a-password", authority)
    topic, got, stop = a_topic(), set[bytes](), asyncio.Event()

    async def deliver(records: Sequence[Record]) -> None:
        got.update(record.value for record in records)

    log = KafkaEventLog(brokers)
    async with asyncio.timeout(PATIENCE):
        await log.ensure_topics([topic])
        member = asyncio.create_task(log.consume(new_id(), [topic.name], deliver, stop=stop))
        appender = log.appender("w")
        ends, n = wall_seconds() + 7, 0
        while wall_seconds() < ends:
            await appender.append([Message(topic.name, b"%d" % (n % 5), b"%d" % n)])
            n += 1
            await asyncio.sleep(0.02)
        while len(got) < n:
            await asyncio.sleep(0.05)
        stop.set()
        await member
        await log.close()
        stranger = KafkaEventLog(Brokers(f"127.0.0.1:{port}", "SASL_SSL", None, "router", "wrong", authority))
        assert not await stranger.healthy()
        await stranger.close()


def a_certificate(authority: Path) -> Path:
    """Makes a key and a certificate for 127.0.0.1 that is its own authority; answers the broker's keystore."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = wall_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = certificate.public_bytes(serialization.Encoding.PEM)
    authority.write_bytes(public)
    keystore = authority.with_name("keystore.pem")
    keystore.write_bytes(key.private_bytes(*form) + public)
    assert ssl.create_default_context(cafile=str(authority)).get_ca_certs()
    return keystore
