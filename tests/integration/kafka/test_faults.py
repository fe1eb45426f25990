"""What the event log on Kafka promises while brokers die, freeze, forget and refuse."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from chassis.event_log.interface import AppendInDoubt, Message, Partition
from chassis.event_log.kafka import Brokers, KafkaEventLog
from chassis.event_log.kafka.appending import KafkaAppender
from jointly.broker import KafkaBroker
from support.kafka_work import PATIENCE, SHORT, Reader, Writer, a_topic, administrator, opened, reading

pytestmark = pytest.mark.kafka

OwnKafka = Callable[..., Awaitable[KafkaBroker]]


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed_again_and_again(own_kafka: OwnKafka) -> None:
    kafka, topic, reader = await own_kafka(), a_topic(), Reader()
    async with opened(kafka.bootstrap) as log:
        await log.ensure_topics([topic])
        writer = Writer(log.appender("w"), topic, keys=20)
        finished = asyncio.Event()

        async def keep_writing() -> None:
            while not finished.is_set():
                await writer.write(each=5)

        async with reading(log, topic, reader) as group:
            writing = asyncio.create_task(keep_writing())
            for _ in range(3):
                before = writer.written
                await reader.until_each(20, before + 50)
                await kafka.nodes[0].kill()
                await kafka.restart()
            await reader.until_each(20, writer.written + 50)
            finished.set()
            async with asyncio.timeout(PATIENCE):
                await writing
            await reader.until_each(20, writer.written)
        assert not reader.overtaken
        assert set(reader.seen.values()) == {writer.written}
        assert await log.group_offsets(group, [topic.name]) == await log.end_offsets([topic.name])


async def test_a_frozen_broker_leaves_an_append_in_doubt_and_the_next_one_has_a_new_producer(
    own_kafka: OwnKafka,
) -> None:
    kafka, topic, reader = await own_kafka(), a_topic(), Reader()
    async with opened(kafka.bootstrap) as log:
        await log.ensure_topics([topic])
        appender = log.appender("w")
        assert isinstance(appender, KafkaAppender)
        writer = Writer(appender, topic, keys=5)
        await writer.write()
        first = appender._producer  # noqa: SLF001
        tasks = asyncio.all_tasks()
        kafka.nodes[0].pause()
        with pytest.raises(AppendInDoubt):
            await appender.append([Message(topic.name, b"key-0", b"1")])
        assert asyncio.all_tasks() <= tasks, "the thrown-away producer still has tasks"
        kafka.nodes[0].resume()
        await writer.write(each=3)
        assert appender._producer is not first  # noqa: SLF001
        async with reading(log, topic, reader):
            await reader.until_each(5, 4)
        assert not reader.overtaken


async def test_nothing_hangs_while_no_broker_is_there(own_kafka: OwnKafka) -> None:
    kafka, topic, reader = await own_kafka(), a_topic(), Reader()
    log = KafkaEventLog(Brokers(kafka.bootstrap), limits=SHORT)
    await log.ensure_topics([topic])
    writer = Writer(log.appender("w"), topic, keys=5)
    await writer.write()
    async with reading(log, topic, reader):
        await reader.until_each(5, 1)
        await kafka.nodes[0].kill()
        with pytest.raises(AppendInDoubt):
            await log.appender("another").append([Message(topic.name, b"key-0", b"1")])
        assert not await log.healthy()
        with pytest.raises(ConnectionError):
            await log.end_offsets([topic.name])
    async with asyncio.timeout(PATIENCE):
        await log.close()


async def test_a_reader_goes_on_by_itself_after_the_brokers_were_away_and_lost_every_topic(
    own_kafka: OwnKafka,
) -> None:
    kafka, topic, reader = await own_kafka(), a_topic(), Reader()
    async with opened(kafka.bootstrap) as log:
        await log.ensure_topics([topic])
        writer = Writer(log.appender("w"), topic, keys=5)
        await writer.write(each=4)
        async with reading(log, topic, reader):
            await reader.until_each(5, 4)
            await kafka.nodes[0].kill()
            await kafka.forget()
            await kafka.restart()
            # The relay's republishing: everything from the first event on, then what is new.
            await log.ensure_topics([topic])
            writer.written = 0
            await writer.write(each=6)
            await reader.until_each(5, 6)
    assert not reader.overtaken


async def test_three_brokers_go_on_when_one_of_them_dies(own_kafka: OwnKafka) -> None:
    kafka, topic, reader = await own_kafka(brokers=3), a_topic(partitions=6), Reader()
    async with opened(kafka.bootstrap) as log:
        await log.ensure_topics([topic])
        writer = Writer(log.appender("w"), topic, keys=20)
        async with reading(log, topic, reader):
            await writer.write(each=5)
            await reader.until_each(20, 5)
            await kafka.nodes[0].kill()
            await writer.write(each=5)
            await reader.until_each(20, 10)
            await kafka.restart(1)
            await kafka.nodes[1].kill()
            await writer.write(each=5)
            await reader.until_each(20, 15)
    assert not reader.overtaken


async def test_what_a_broker_finds_too_large_is_refused_and_the_rest_goes_on(
    kafka_log: KafkaEventLog, kafka_bootstrap: str
) -> None:
    topic, reader = a_topic(), Reader()
    await kafka_log.ensure_topics([topic])
    async with administrator(kafka_bootstrap) as admin:
        lower = ConfigResource(ConfigResourceType.TOPIC, topic.name, {"max.message.bytes": "5000"})
        await admin.alter_configs([lower])
    appender = kafka_log.appender("w")
    large = Message(topic.name, b"key-0", b"0" * 6000)
    small = [Message(topic.name, b"key-%d" % (n % 3), b"%d" % (n // 3)) for n in range(600)]
    with pytest.raises(AppendInDoubt):
        await appender.append([large])
    with pytest.raises(ValueError, match="too large"):
        await appender.append([*small, large])
    await appender.append(small)
    async with reading(kafka_log, topic, reader):
        await reader.until_each(3, 200)
    assert not reader.overtaken


async def test_an_append_that_is_cancelled_leaves_nothing_behind_that_writes_later(
    own_kafka: OwnKafka,
) -> None:
    kafka, topic = await own_kafka(), a_topic(partitions=1)
    async with opened(kafka.bootstrap) as log:
        await log.ensure_topics([topic])
        appender = log.appender("w")
        await appender.append([Message(topic.name, b"k", b"0")])
        tasks = asyncio.all_tasks()
        kafka.nodes[0].pause()
        appending = asyncio.create_task(appender.append([Message(topic.name, b"k", b"1")]))
        await asyncio.sleep(0.5)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
        assert asyncio.all_tasks() <= tasks
        kafka.nodes[0].resume()
        await appender.append([Message(topic.name, b"k", b"2")])
        values = [record.value for record in await log.read(Partition(topic.name, 0), 0)]
    # The broker may have had the second one in its socket already; but never after the third.
    assert values in ([b"0", b"2"], [b"0", b"1", b"2"])
