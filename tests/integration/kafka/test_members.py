"""What members of a group on Kafka promise while others come and go, handlers are slow and clients hang."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition
from chassis.clock import new_id
from chassis.event_log.interface import Partition, Record
from chassis.event_log.kafka import KafkaEventLog, Limits
from chassis.event_log.kafka.member import Member
from support.kafka_work import PATIENCE, SHORT, Reader, Writer, a_topic, administrator, opened, reading

pytestmark = pytest.mark.kafka


async def test_a_batch_in_hand_ends_before_its_partitions_go_to_another_member(kafka_bootstrap: str) -> None:
    topic, reader, group = a_topic(partitions=2), Reader(), new_id()
    began, go_on, at_once = asyncio.Event(), asyncio.Event(), 0
    most = 0

    async def slow(records: Sequence[Record]) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        began.set()
        await go_on.wait()
        await reader(records)
        at_once -= 1

    limits = Limits(session=6, handler=60)
    async with opened(kafka_bootstrap, limits) as log, opened(kafka_bootstrap, limits) as other:
        await log.ensure_topics([topic])
        writer = Writer(log.appender("w"), topic, keys=8)
        await writer.write(each=5)
        async with reading(log, topic, slow, group):
            await asyncio.wait_for(began.wait(), PATIENCE)
            async with reading(other, topic, slow, group):
                # Longer than a session, which is all the time that a member has unless it asks for more.
                await asyncio.sleep(1.5 * limits.session)
                assert at_once == 1
                go_on.set()
                await reader.until_each(8, 5)
    assert (most, reader.repeats, reader.overtaken) == (1, 0, [])


async def test_a_handler_that_takes_too_long_is_cancelled_and_gets_less_to_do(kafka_bootstrap: str) -> None:
    topic, reader = a_topic(partitions=1), Reader()
    sizes: list[int] = []

    async def slow_with_many(records: Sequence[Record]) -> None:
        sizes.append(len(records))
        if len(records) > 10:
            await asyncio.Event().wait()
        await reader(records)

    limits = Limits(session=6, handler=0.2)
    async with opened(kafka_bootstrap, limits) as log:
        await log.ensure_topics([topic])
        await Writer(log.appender("w"), topic, keys=1).write(each=40)
        async with reading(log, topic, slow_with_many):
            await reader.until_each(1, 40)
    assert sizes[:2] == [40, 10]
    assert not reader.overtaken


async def test_a_client_that_is_stuck_is_replaced(kafka_log: KafkaEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, reader = a_topic(), Reader()
    members: list[Member] = []
    run = Member.run

    async def noted(member: Member, stop: asyncio.Event) -> None:
        members.append(member)
        await run(member, stop)

    monkeypatch.setattr(Member, "run", noted)
    await kafka_log.ensure_topics([topic])
    writer = Writer(kafka_log.appender("w"), topic, keys=5)
    await writer.write()
    async with reading(kafka_log, topic, reader):
        await reader.until_each(5, 1)
        # As it looks from outside: the client says nothing, and nothing comes.
        fetcher = members[0]._consumer._fetcher  # noqa: SLF001
        fetcher._fetch_task.cancel()  # noqa: SLF001
        for request in fetcher._pending_tasks:  # noqa: SLF001
            request.cancel()
        await writer.write()
        await reader.until_each(5, 2)
    assert len(members) == 2


async def test_a_member_with_nothing_to_read_is_not_taken_for_stuck(
    kafka_log: KafkaEventLog, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, reader = a_topic(), Reader()
    lives = 0
    run = Member.run

    async def counted(member: Member, stop: asyncio.Event) -> None:
        nonlocal lives
        lives += 1
        await run(member, stop)

    monkeypatch.setattr(Member, "run", counted)
    await kafka_log.ensure_topics([topic])
    writer = Writer(kafka_log.appender("w"), topic, keys=5)
    await writer.write(each=2)
    async with administrator(kafka_bootstrap) as admin:
        ends = await kafka_log.end_offsets([topic.name])
        await admin.delete_records({TopicPartition(*p): RecordsToDelete(end) for p, end in ends.items()})
    async with reading(kafka_log, topic, reader):
        # Everything has expired; the offsets say 'behind', the records do not exist.
        await asyncio.sleep(3 * SHORT.stuck)
    assert (lives, dict(reader.seen)) == (1, {})


async def test_a_group_whose_place_has_expired_goes_on_at_the_oldest_record(
    kafka_log: KafkaEventLog, kafka_bootstrap: str
) -> None:
    topic, first, second = a_topic(partitions=1), Reader(), Reader()
    await kafka_log.ensure_topics([topic])
    writer = Writer(kafka_log.appender("w"), topic, keys=1)
    await writer.write(each=10)
    async with reading(kafka_log, topic, first) as group:
        await first.until_each(1, 10)
    await kafka_log.rewind(group, {Partition(topic.name, 0): 2})
    async with administrator(kafka_bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic.name, 0): RecordsToDelete(6)})
    second.seen[b"key-0"] = 6
    async with reading(kafka_log, topic, second, group):
        await second.until_each(1, 10)
    assert not second.overtaken
    assert [r.offset for r in await kafka_log.read(Partition(topic.name, 0), 0)] == [6, 7, 8, 9]


async def test_a_group_is_not_moved_while_it_has_members(kafka_log: KafkaEventLog) -> None:
    topic, reader = a_topic(partitions=1), Reader()
    await kafka_log.ensure_topics([topic])
    await Writer(kafka_log.appender("w"), topic, keys=1).write()
    async with reading(kafka_log, topic, reader) as group:
        await reader.until_each(1, 1)
        with pytest.raises(ValueError, match="live members"):
            await kafka_log.rewind(group, {Partition(topic.name, 0): 0})


async def test_a_topic_made_anew_is_read_from_its_beginning_by_the_members_that_knew_the_old_one(
    kafka_log: KafkaEventLog, kafka_bootstrap: str
) -> None:
    topic, reader = a_topic(), Reader()
    await kafka_log.ensure_topics([topic])
    writer = Writer(kafka_log.appender("w"), topic, keys=5)
    await writer.write(each=10)
    async with reading(kafka_log, topic, reader), administrator(kafka_bootstrap) as admin:
        await reader.until_each(5, 10)
        await admin.delete_topics([topic.name])
        while await kafka_log.end_offsets([topic.name]):
            await asyncio.sleep(0.1)
        await kafka_log.ensure_topics([topic])
        writer.written = 0
        await writer.write(each=15)
        await reader.until_each(5, 15)
    assert not reader.overtaken


async def test_members_that_come_and_go_never_work_on_one_partition_at_once(kafka_bootstrap: str) -> None:
    topic, reader, group = a_topic(partitions=6), Reader(), new_id()
    busy: set[Partition] = set()
    both_at_once: set[Partition] = set()

    async def deliver(records: Sequence[Record]) -> None:
        mine = {record.partition for record in records}
        both_at_once.update(mine & busy)
        busy.update(mine)
        await asyncio.sleep(0.05)
        await reader(records)
        busy.difference_update(mine)

    finished = asyncio.Event()
    async with opened(kafka_bootstrap) as log, opened(kafka_bootstrap) as other:
        await log.ensure_topics([topic])
        writer = Writer(log.appender("w"), topic, keys=30)

        async def keep_writing() -> None:
            while not finished.is_set():
                await writer.write()
                await asyncio.sleep(0.02)

        async with reading(log, topic, deliver, group):
            writing = asyncio.create_task(keep_writing())
            for _ in range(5):
                async with reading(other, topic, deliver, group):
                    await reader.until_each(30, writer.written + 20)
                await reader.until_each(30, writer.written + 20)
            finished.set()
            await writing
            await reader.until_each(30, writer.written)
    assert (both_at_once, reader.overtaken) == (set(), [])


async def test_what_could_not_be_delivered_is_left_for_the_next_member(kafka_log: KafkaEventLog) -> None:
    topic, reader, group = a_topic(partitions=1), Reader(), new_id()
    failed = asyncio.Event()

    async def never(_records: Sequence[Record]) -> None:
        failed.set()
        raise RuntimeError("the database is away")

    await kafka_log.ensure_topics([topic])
    await Writer(kafka_log.appender("w"), topic, keys=3).write(each=5)
    async with reading(kafka_log, topic, never, group):
        await asyncio.wait_for(failed.wait(), PATIENCE)
    assert await kafka_log.group_offsets(group, [topic.name]) == {}
    async with reading(kafka_log, topic, reader, group):
        await reader.until_each(3, 5)
    assert not reader.overtaken


async def test_records_that_were_fetched_before_a_hand_over_are_not_delivered_after_it(
    kafka_log: KafkaEventLog,
) -> None:
    topic, delivered = a_topic(partitions=1), list[Record]()
    await kafka_log.ensure_topics([topic])
    await Writer(kafka_log.appender("w"), topic, keys=1).write()
    records = await kafka_log.read(Partition(topic.name, 0), 0)

    async def deliver(records: Sequence[Record]) -> None:
        delivered.extend(records)

    member = Member(
        new_id(),
        [topic.name],
        deliver,
        options={},
        limits=SHORT,
        questions=kafka_log._questions,  # noqa: SLF001
        max_records=10,
    )
    await member.on_partitions_revoked(set())
    await member._take(0, records)  # noqa: SLF001  the assignment before
    assert delivered == []


async def test_a_member_whose_process_stood_still_for_longer_than_a_session_goes_on_by_itself(
    kafka_log: KafkaEventLog,
) -> None:
    topic, reader = a_topic(), Reader()
    stood_still = False

    async def deliver(records: Sequence[Record]) -> None:
        nonlocal stood_still
        await reader(records)
        if not stood_still:
            stood_still = True
            time.sleep(SHORT.session + 2)  # noqa: ASYNC251  what a long computation does to the loop

    await kafka_log.ensure_topics([topic])
    writer = Writer(kafka_log.appender("w"), topic, keys=5)
    await writer.write()
    async with reading(kafka_log, topic, deliver):
        await reader.until_each(5, 1)
        await writer.write(each=2)
        await reader.until_each(5, 3)
    assert not reader.overtaken
