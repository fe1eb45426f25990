"""A secured broker gives each principal what deploy/kafka/access.toml says, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from socket import socket

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from chassis.event_log.interface import Message
from chassis.event_log.kafka import Brokers, KafkaEventLog
from jointly.broker import KafkaBroker
from jointly.kafka_access import Access, AccessControl, Right
from schemas.topics import TOPICS
from support.kafka import SECURED, password

PATIENCE = 90.0
PASSWORDS = {name: password(name) for name in Access.read().principals}

pytestmark = pytest.mark.kafka
Secured = Callable[[str], Brokers]


@pytest.fixture
async def secured(own_kafka: Callable[..., Awaitable[KafkaBroker]]) -> tuple[Brokers, Secured]:
    """Who may change rights, and how a principal signs in."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    broker = await own_kafka(settings=SECURED.format(port=port), scram=PASSWORDS)
    administrator = Brokers(broker.bootstrap)
    log = KafkaEventLog(administrator)
    await log.ensure_topics(tuple(TOPICS.values()))
    await log.close()

    def of(name: str) -> Brokers:
        return Brokers(f"127.0.0.1:{port}", "SASL_PLAINTEXT", "SCRAM-SHA-512", name, PASSWORDS[name])

    return administrator, of


async def may_read(brokers: Brokers, topic: str) -> bool:
    """Whether this principal gets records of a topic, without a group."""
    consumer = AIOKafkaConsumer(**brokers.options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        # Asked for an offset of what it may not see, this client asks again and again.
        async with asyncio.timeout(3):
            await consumer.seek_to_beginning()
            await consumer.getmany(timeout_ms=500)
    except (TimeoutError, KafkaError):
        return False
    finally:
        await consumer.stop()
    return True


async def sees(brokers: Brokers) -> set[str]:
    """The topics that the broker admits to this principal; what may not be read is not even named."""
    consumer = AIOKafkaConsumer(**brokers.options())
    await consumer.start()
    try:
        return set(await consumer.topics())
    finally:
        await consumer.stop()


async def may_join(brokers: Brokers, group: str, topic: str) -> bool:
    """Whether this principal may be a member of a group."""
    consumer = AIOKafkaConsumer(topic, **brokers.options(), group_id=group)
    try:
        await consumer.start()
        await consumer.committed(TopicPartition(topic, 0))
    except (GroupAuthorizationFailedError, TopicAuthorizationFailedError):
        return False
    finally:
        await consumer.stop()
    return True


async def may_write(brokers: Brokers, topic: str) -> bool:
    """Whether this principal may append to a topic."""
    producer = AIOKafkaProducer(**brokers.options(), acks="all", request_timeout_ms=5000)
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"x", key=b"x")
    except (TopicAuthorizationFailedError, KafkaError):
        return False
    finally:
        with suppress(KafkaError):
            await producer.stop()
    return True


async def test_each_principal_may_do_what_the_file_says_and_nothing_else(secured: tuple[Brokers, Secured]) -> None:
    administrator, of = secured
    wanted, control = Access.read(), AccessControl(administrator)
    async with asyncio.timeout(PATIENCE):
        health = of("health-system")
        assert not await may_read(health, "health-feed"), "before anybody was given anything"
        given, taken = await control.apply(wanted)
        assert set(given) == wanted.rights
        assert taken == []
        assert await control.differences(wanted) == ([], [])
        assert await may_read(health, "health-feed")
        assert await sees(health) == {"health-feed"}
        for topic in ("education-feed", "referral-events"):
            assert not await may_read(health, topic), topic
        for topic in ("health-feed", "education-feed", "referral-events", "exchange-dead-letters"):
            assert not await may_write(health, topic), topic
        assert await may_join(health, "health-warehouse", "health-feed")
        assert not await may_join(health, "education-system", "health-feed")
        assert await may_read(of("exchange"), "referral-events")
        assert await may_write(of("exchange"), "health-feed")
        assert not await may_write(of("exchange"), "referral-events")


async def test_what_the_broker_has_too_much_of_is_taken_away(secured: tuple[Brokers, Secured]) -> None:
    administrator, of = secured
    wanted, control = Access.read(), AccessControl(administrator)
    surplus = Right("health-system", "topic", "education-feed", "literal", "read")
    async with asyncio.timeout(PATIENCE):
        await control.apply(Access(wanted.rights | {surplus}, wanted.principals))
        assert await may_read(of("health-system"), "education-feed")
        assert await control.apply(wanted) == ([], [surplus])
        assert not await may_read(of("health-system"), "education-feed")


async def test_services_work_with_the_rights_that_they_have(secured: tuple[Brokers, Secured]) -> None:
    administrator, of = secured
    await AccessControl(administrator).apply(Access.read())
    got, stop = list[bytes](), asyncio.Event()

    async def deliver(records: Sequence[object]) -> None:
        got.extend(record.value for record in records)  # type: ignore[attr-defined]
        stop.set()

    speaker, hearer = KafkaEventLog(of("referral-api")), KafkaEventLog(of("cluster-router"))
    async with asyncio.timeout(PATIENCE):
        member = asyncio.create_task(hearer.consume("cluster-router", ["referral-events"], deliver, stop=stop))
        await speaker.appender("referral-api-relay").append([Message("referral-events", b"k", b"said")])
        await member
        await speaker.close()
        await hearer.close()
    assert got == [b"said"]
