"""A small service of the tests' own, to try the chassis with: it counts things, and can be told to fail."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from chassis.assembly import assemble, role_url
from chassis.auth import Authenticator
from chassis.cause import Cause
from chassis.clock import BusinessClock, new_id
from chassis.consuming import Consumer
from chassis.errors import Refusal
from chassis.event_log.embedded import EmbeddedEventLog
from chassis.event_log.interface import Record
from chassis.hints import Hints
from chassis.relay import Relay
from chassis.service import Runtime, Service
from chassis.settings import Settings
from chassis.subscription import NotYet, Received, Subscription, Verdict, on
from chassis.tables import DDL, chassis_tables
from chassis.transaction import Transaction
from schemas.referral import CaseClosed, CaseErased
from schemas.routing import CaseReturned
from sqlalchemy.ext.asyncio import create_async_engine

SECRET = "a secret of the tests"
SCHEMA = "probe"

metadata = sa.MetaData(schema=SCHEMA)
tables = chassis_tables(metadata)
thing = sa.Table(
    "thing",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tags", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
)
#: What was taken, in the order of the commits.
taken = sa.Table(
    "taken",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


async def create_schema(admin_url: str) -> None:
    """Make the probe's schema and role in a database, as the operator's `database init` does for a real service."""
    engine = create_async_engine(admin_url)
    password = sa.engine.make_url(role_url(admin_url, SCHEMA, SECRET)).password
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"CREATE SCHEMA {SCHEMA}"))
        await connection.execute(
            sa.text(
                f"DO $$ BEGIN CREATE ROLE {SCHEMA} LOGIN;"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$"
            )
        )
        await connection.execute(sa.text(f"ALTER ROLE {SCHEMA} PASSWORD '{password}'"))
        await connection.run_sync(metadata.create_all)
        for statement in DDL:
            await connection.exec_driver_sql(statement.format(schema=SCHEMA))
        for grant in (
            f'GRANT CONNECT ON DATABASE "{sa.engine.make_url(admin_url).database}" TO {SCHEMA}',
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {SCHEMA}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {SCHEMA}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {SCHEMA}",
        ):
            await connection.exec_driver_sql(grant)
    await engine.dispose()


def closed(case_id: str, reason: str = "helped") -> CaseClosed:
    """An event of the probe's."""
    return CaseClosed(case_id=case_id, reason=reason)


class Boom(RuntimeError):
    """What nobody expected."""


async def take(events: Sequence[Received[CaseClosed]], tx: Transaction) -> Sequence[Verdict]:
    """Note each event; the reason tells how to behave: `boom`, `refuse`, `not-yet` until the thing exists."""
    known = {
        row["id"]
        for row in await tx.rows("SELECT id FROM thing WHERE id = ANY($1::text[])", [e.subject for e in events])
    }
    verdicts: list[Verdict] = []
    rows = []
    for received in events:
        reason = received.event.reason
        if reason == "boom":
            raise Boom("CNRY-in-an-exception")
        if reason == "refuse":
            verdicts.append(Refusal("No."))
        elif reason == "not-yet" and received.subject not in known:
            verdicts.append(NotYet("thing-unknown"))
        else:
            verdicts.append(None)
            rows.append({"event_id": received.id, "subject": received.subject, "reason": reason})
    await tx.insert(taken, rows)
    return verdicts


async def make(events: Sequence[Received[CaseReturned]], tx: Transaction) -> None:
    """From another topic: the thing exists now."""
    await tx.insert(thing, [{"id": received.subject} for received in events], conflict=("id",))


SUBSCRIPTIONS: tuple[Subscription, ...] = (on(CaseClosed, take), on(CaseReturned, make))

SERVICE = Service(
    name="referral-api",
    package=SCHEMA,
    summary="A probe.",
    metadata=metadata,
    tables=tables,
    tx=Transaction,
    subscriptions=SUBSCRIPTIONS,
)


async def no_key(_kid: str) -> object:
    """Nobody signs in here."""
    raise AssertionError


@dataclass
class Probe:
    """The probe service, running on a database of its own."""

    admin_url: str
    clock: BusinessClock = field(default_factory=BusinessClock)
    service: Service = SERVICE
    _opened: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = EmbeddedEventLog(role_url(self.admin_url, "event_log", SECRET))
        self.hints = Hints(role_url(self.admin_url, SCHEMA, SECRET))
        self.runtime: Runtime = assemble(
            self.service,
            settings=Settings(),
            database_url=self.admin_url,
            secret=SECRET,
            log=self.log,
            hints=self.hints,
            clock=self.clock,
            authenticator=Authenticator(issuer="x", audience="x", find_key=no_key),
            pool_size=8,
        )

    @property
    def database(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """The probe's database."""
        return self.runtime.database

    async def say(self, *events: CaseClosed | CaseReturned | CaseErased) -> None:
        """Commit events."""
        async with self.runtime.transaction() as tx:
            for event in events:
                tx.emit(event, Cause.fresh())

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, object]]:
        """Ask the probe's tables."""
        async with self.runtime.transaction() as tx:
            return [dict(row) for row in await tx.rows(sql, *arguments)]

    async def taken(self, subject: str | None = None) -> list[str]:
        """The reasons of what was taken, in order."""
        rows = await self.rows(
            "SELECT reason FROM taken WHERE $1::text IS NULL OR subject = $1 ORDER BY position", subject
        )
        return [str(row["reason"]) for row in rows]

    def relay(self) -> Relay:
        """A relay of the probe's."""
        return Relay("referral-api", database=self.database, event_log=self.log, hints=self.hints)

    def consumer(self) -> Consumer:
        """A consumer of the probe's, fresh as after a restart."""
        return Consumer("referral-api", self.service.subscriptions, database=self.database, tx_type=Transaction)

    async def published(self, topic: str = "referral-events") -> list[Record]:
        """Everything on a topic, partition by partition."""
        records: list[Record] = []
        for partition, end in sorted((await self.log.end_offsets([topic])).items()):
            if end:
                records += await self.log.read(partition, 0, limit=100_000)
        return records

    async def relay_until(self, count: int) -> list[Record]:
        """Run the relay until so many records are on the topics."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.relay().run(stop))
        try:
            async with asyncio.timeout(60):
                while len(found := await self.published()) < count:
                    await asyncio.sleep(0.01)
        finally:
            stop.set()
            await task
        return found

    async def close(self) -> None:
        """Let go."""
        await self.log.close()
        await self.database.close()


def today() -> date:
    """A fixed day."""
    return date(2026, 11, 23)


def a_case() -> str:
    """A subject that no other test speaks of."""
    return new_id()
