"""The usual way to write it: a session per request, ORM objects, a query per question, a commit per referral.

It does what the intake does: verifies the token, looks for the child, opens or joins a case, keeps the idempotency key,
the outbox rows and the audit row. Its tables are its own, with the same indexes.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any

import jwt
import orjson
from bench.peers.body import ReferralBody
from chassis.clock import new_id, wall_now
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from sqlalchemy import DateTime, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10)
sessions = async_sessionmaker(engine, expire_on_commit=False)
PUBLIC_KEY = os.environ["BENCH_PUBLIC_KEY"]


class Base(DeclarativeBase):
    """Tables of the peer."""


class Child(Base):
    """A child."""

    __tablename__ = "child"
    id: Mapped[str] = mapped_column(primary_key=True)
    given_name: Mapped[str]
    family_name: Mapped[str] = mapped_column(index=True)
    date_of_birth: Mapped[date] = mapped_column(index=True)
    nhs_number: Mapped[str | None] = mapped_column(index=True)
    upn: Mapped[str | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Case(Base):
    """A case."""

    __tablename__ = "case_file"
    id: Mapped[str] = mapped_column(primary_key=True)
    child_id: Mapped[str] = mapped_column(ForeignKey("child.id"), index=True)
    last_sequence: Mapped[int] = mapped_column(default=0)


class Referral(Base):
    """A referral."""

    __tablename__ = "referral"
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case_file.id"), index=True)
    organisation: Mapped[str] = mapped_column(index=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    submitted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Outbox(Base):
    """An event to publish."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    subject: Mapped[str]
    sequence: Mapped[int]
    type: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Idempotency(Base):
    """An answer that was given."""

    __tablename__ = "idempotency"
    key: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Audit(Base):
    """Who did what."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor: Mapped[str]
    action: Mapped[str]
    what_id: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session() -> AsyncIterator[AsyncSession]:
    """A session per request."""
    async with sessions() as one:
        yield one


async def caller(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Verify the token."""
    try:
        return jwt.decode(
            authorization.removeprefix("Bearer "), PUBLIC_KEY, algorithms=["ES256"], options={"verify_aud": False}
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error


@app.post("/v1/referrals", status_code=201)
async def submit(
    body: ReferralBody,
    response: Response,
    who: Annotated[dict[str, Any], Depends(caller)],
    db: Annotated[AsyncSession, Depends(session)],
    idempotency_key: Annotated[str, Header()],
) -> dict[str, Any]:
    """Take a referral."""
    kept = await db.get(Idempotency, idempotency_key)
    if kept is not None:
        return kept.body
    child = await _find(db, body)
    case = None if child is None else await db.scalar(select(Case).where(Case.child_id == child.id).with_for_update())
    opened = case is None
    if child is None:
        child = Child(
            id=new_id(),
            given_name=body.child.given_name,
            family_name=body.child.family_name,
            date_of_birth=body.child.date_of_birth,
            nhs_number=body.child.nhs_number,
            upn=body.child.upn,
            details=orjson.loads(body.child.model_dump_json()),
        )
        db.add(child)
        await db.flush()
    if case is None:
        case = Case(id=new_id(), child_id=child.id, last_sequence=0)
        db.add(case)
        await db.flush()
    referral = Referral(
        id=new_id(),
        case_id=case.id,
        organisation=who["organisation"],
        content=orjson.loads(body.model_dump_json()),
        submitted_at=wall_now(),
    )
    db.add(referral)
    for type in ("submitted", "opened" if opened else "linked", "participants-changed"):
        case.last_sequence += 1
        db.add(
            Outbox(
                event_id=new_id(), subject=case.id, sequence=case.last_sequence, type=type, data={"case_id": case.id}
            )
        )
    db.add(Audit(at=wall_now(), actor=who["sub"], action="created", what_id=referral.id))
    answer = {"referral_id": referral.id, "case_id": case.id, "reference": case.id[-8:], "status": "submitted"}
    db.add(Idempotency(key=idempotency_key, body=answer))
    await db.commit()
    response.headers["Location"] = f"/v1/referrals/{referral.id}"
    return answer


async def _find(db: AsyncSession, body: ReferralBody) -> Child | None:
    if body.child.nhs_number:
        found = await db.scalar(select(Child).where(Child.nhs_number == body.child.nhs_number))
        if found is not None:
            return found
    if body.child.upn:
        found = await db.scalar(select(Child).where(Child.upn == body.child.upn))
        if found is not None:
            return found
    candidates = await db.scalars(select(Child).where(Child.date_of_birth == body.child.date_of_birth))
    return next(
        (
            c
            for c in candidates
            if c.family_name.casefold() == body.child.family_name.casefold()
            and c.given_name.casefold() == body.child.given_name.casefold()
        ),
        None,
    )
