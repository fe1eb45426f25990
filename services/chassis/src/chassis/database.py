"""A service's way to PostgreSQL: a pool under its own role, and the one place that begins and commits.

SQLAlchemy owns the pool and runs ordinary statements; the hot path talks to the driver. The engine is in autocommit so
that both share one transaction, which is begun and ended here by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.clock import BusinessClock
from chassis.errors import OutcomeUnknown, TooBusy, TryAgain
from chassis.tables import ChassisTables
from chassis.transaction import Transaction

T = TypeVar("T", bound=Transaction)

#: The same work may succeed on a new transaction: deadlock, serialisation, lock or plan trouble, a server that is away.
_TRANSIENT = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InterfaceError,
    # The driver has read half of a goodbye when it is asked for more.
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    PoolTimeout,
)
#: The commit was sent and nobody answered.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    OSError,
    asyncio.CancelledError,
)


def is_transient(error: BaseException) -> bool:
    """Whether a new transaction may succeed where this one failed."""
    if isinstance(error, (TryAgain, *_TRANSIENT)):
        return True
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (cause is not None and isinstance(cause, _TRANSIENT))
    return False


class Database:
    """One service's pool."""

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        tables: ChassisTables,
        source: str,
        clock: BusinessClock,
        pool_size: int = 4,
        application: str = "jointly",
        said: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.schema = schema
        self.tables = tables
        self.source = source
        self.clock = clock
        #: Called after each commit that said something: it wakes the relay, and whoever else waits for news.
        self._said = said
        self.engine: AsyncEngine = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=3,
            pool_recycle=1800,
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "search_path": schema,
                    "application_name": application,
                    "timezone": "UTC",
                    "jit": "off",
                    # A plan made while a table was small would be kept when it is large: each batch is planned anew.
                    "plan_cache_mode": "force_custom_plan",
                    "lock_timeout": "5s",
                    "statement_timeout": "30s",
                    "idle_in_transaction_session_timeout": "60s",
                },
            },
        )

    @asynccontextmanager
    async def transaction(self, tx_type: type[T]) -> AsyncIterator[T]:
        """Begin; on leaving, write outbox and audit rows and commit; on any exception, roll back.

        Raises `TryAgain` when the database is away before the commit (nothing happened), `OutcomeUnknown` when the
        answer to the commit was lost.
        """
        async with self._connected() as (connection, driver):
            try:
                await driver.execute("BEGIN")
            except Exception as error:
                await connection.invalidate()
                raise TryAgain(type(error).__name__) from error
            tx = tx_type(connection, driver, tables=self.tables, source=self.source, now=self.clock.now())
            try:
                yield tx
                await tx.close()
            except BaseException as error:
                await self._roll_back(connection, driver)
                if isinstance(error, Exception) and not isinstance(error, TryAgain) and is_transient(error):
                    raise TryAgain(type(error).__name__) from error
                raise
            try:
                await driver.execute("COMMIT")
            except _LOST as error:
                await connection.invalidate()
                if isinstance(error, asyncio.CancelledError):
                    raise
                raise OutcomeUnknown from error
            except BaseException:
                await self._roll_back(connection, driver)
                raise
            if tx.speaks or tx.rings:
                self._said()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """A bare connection in autocommit, for what is not a unit of work: advisory locks, LISTEN, hints."""
        async with self._connected() as (_, driver):
            yield driver

    async def retrying(self, work: Callable[[], Awaitable[Any]], *, attempts: int = 3) -> Any:
        """Run a whole unit of work again on a new transaction while its failure is transient."""
        for attempt in range(1, attempts + 1):
            try:
                return await work()
            except Exception as error:
                if attempt == attempts or not is_transient(error):
                    raise
                await asyncio.sleep(0.02 * 2**attempt)
        raise AssertionError

    async def answers(self) -> bool:
        """Whether the database can be asked now."""
        try:
            async with asyncio.timeout(2), self.session() as driver:
                await driver.fetchval("SELECT 1")
        except Exception:  # noqa: BLE001  any failure means the same here
            return False
        return True

    async def close(self) -> None:
        """Let go of every connection."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[AsyncConnection, asyncpg.Connection]]:
        connection = await self._check_out()
        try:
            raw = await connection.get_raw_connection()
            yield connection, cast("asyncpg.Connection", raw.driver_connection)
        finally:
            # A cancelled task must still give its connection back.
            await asyncio.shield(connection.close())

    async def _check_out(self) -> AsyncConnection:
        """A connection that is open as far as its end knows: the pool does not hear of it when a server goes away."""
        try:
            while True:
                connection = await self.engine.connect()
                driver = (await connection.get_raw_connection()).driver_connection
                if driver is not None and not driver.is_closed():
                    return connection
                await connection.invalidate()
                await connection.close()
        except PoolTimeout as error:
            raise TooBusy from error
        except (DBAPIError, OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise TryAgain("database") from error

    @staticmethod
    async def _roll_back(connection: AsyncConnection, driver: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(5):
                await asyncio.shield(driver.execute("ROLLBACK"))
        except BaseException:  # noqa: BLE001  a connection in doubt is not given back
            with suppress(Exception):
                await asyncio.shield(connection.invalidate())
