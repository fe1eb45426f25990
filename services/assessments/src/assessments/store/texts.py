"""What people wrote, kept apart from the facts, and the links by which some of them answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from chassis.transaction import Transaction

from assessments.tables import advice_text, answer_link, clock_evidence, plan_text, views


@dataclass(frozen=True, slots=True)
class View:
    """What a child or family was asked, and said or did not."""

    id: str
    case_id: str
    assessment_id: str
    of: str
    asked_by: str
    asked_on: date
    method: str
    not_given: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class AdviceText:
    """What was asked of an adviser, and what they answered."""

    question: str | None = None
    text: str | None = None
    given_by: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A way to answer without an account."""

    id: str
    advice_id: str
    case_id: str


#: What erasure empties. Facts and codes stay: they say nothing about who the child was.
_ERASE: Final = (
    "UPDATE advice_text SET question = NULL, text = NULL, given_by = NULL WHERE case_id = ANY($1::text[])",
    "UPDATE views SET text = NULL, asked_by = '' WHERE case_id = ANY($1::text[])",
    "UPDATE plan_text SET text = NULL WHERE case_id = ANY($1::text[])",
    "UPDATE clock_evidence SET evidence = NULL WHERE case_id = ANY($1::text[])",
    (
        "UPDATE assessment SET findings ="
        " (SELECT coalesce(jsonb_agg(jsonb_build_object('need', f->'need', 'provisions',"
        " (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', p->'kind', 'outcome', NULL)), '[]')"
        " FROM jsonb_array_elements(f->'provisions') AS p))), '[]') FROM jsonb_array_elements(findings) AS f)"
        " WHERE case_id = ANY($1::text[])"
    ),
    (
        "UPDATE advice SET agreements = (SELECT coalesce(jsonb_agg(a || '{\"agreed_by\": \"\"}'), '[]')"
        " FROM jsonb_array_elements(agreements) AS a) WHERE case_id = ANY($1::text[])"
    ),
    "DELETE FROM answer_link WHERE case_id = ANY($1::text[])",
)


class Texts:
    """What people wrote."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def advice(self, ids: Collection[str]) -> dict[str, AdviceText]:
        """Question and answer of these pieces of advice."""
        rows = await self._tx.rows("SELECT * FROM advice_text WHERE advice_id = ANY($1::text[])", list(ids))
        return {row["advice_id"]: AdviceText(row["question"], row["text"], row["given_by"]) for row in rows}

    async def ask(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Keep questions: advice, case, question."""
        await self._tx.insert(
            advice_text,
            [{"advice_id": a, "case_id": c, "question": q} for a, c, q in rows],
            conflict=("advice_id",),
            update=("question",),
        )

    async def answer(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        """Keep answers: advice, case, text, by whom."""
        await self._tx.insert(
            advice_text,
            [{"advice_id": a, "case_id": c, "text": t, "given_by": by} for a, c, t, by in rows],
            conflict=("advice_id",),
            update=("text", "given_by"),
        )

    async def views(self, cases: Collection[str]) -> list[View]:
        """What children and families of these cases said, oldest first."""
        rows = await self._tx.rows("SELECT * FROM views WHERE case_id = ANY($1::text[]) ORDER BY id", list(cases))
        return [View(**row) for row in rows]

    async def save_views(self, new: Sequence[View]) -> None:
        """Keep views."""
        await self._tx.insert(views, [{name: getattr(v, name) for name in View.__slots__} for v in new])

    async def heard(self, assessments: Collection[str]) -> dict[str, set[str]]:
        """Whose views, or the lack of them, these assessments have."""
        rows = await self._tx.rows(
            "SELECT DISTINCT assessment_id, of FROM views WHERE assessment_id = ANY($1::text[])", list(assessments)
        )
        found: dict[str, set[str]] = {id: set() for id in assessments}
        for row in rows:
            found[row["assessment_id"]].add(row["of"])
        return found

    async def plans(self, ids: Collection[str]) -> dict[tuple[str, int, str], str | None]:
        """What these plans say: by plan, cycle and part (`plan` or `review`)."""
        rows = await self._tx.rows("SELECT * FROM plan_text WHERE plan_id = ANY($1::text[])", list(ids))
        return {(row["plan_id"], row["cycle"], row["part"]): row["text"] for row in rows}

    async def write_plans(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep what plans say."""
        await self._tx.insert(plan_text, rows, conflict=("plan_id", "cycle", "part"), update=("text",))

    async def evidence(self, clocks: Collection[str]) -> dict[str, list[dict[str, Any]]]:
        """What shows that the exceptions of these clocks are true."""
        rows = await self._tx.rows(
            "SELECT * FROM clock_evidence WHERE clock_id = ANY($1::text[]) ORDER BY id", list(clocks)
        )
        found: dict[str, list[dict[str, Any]]] = {id: [] for id in clocks}
        for row in rows:
            found[row["clock_id"]].append(dict(row))
        return found

    async def save_evidence(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep evidence."""
        await self._tx.insert(clock_evidence, rows)

    async def links(self, digests: Collection[bytes]) -> dict[bytes, Link]:
        """The links of tokens, by their digest, that still open."""
        rows = await self._tx.rows(
            "SELECT digest, id, advice_id, case_id FROM answer_link"
            " WHERE digest = ANY($1::bytea[]) AND ended_at IS NULL AND expires_at > $2",
            list(digests),
            self._tx.now,
        )
        return {row["digest"]: Link(row["id"], row["advice_id"], row["case_id"]) for row in rows}

    async def make_links(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep new links; those that were made before for the same advice end."""
        await self.end_links([row["advice_id"] for row in rows])
        await self._tx.insert(answer_link, rows)

    async def end_links(self, advice: Collection[str]) -> None:
        """No link of this advice opens any longer."""
        await self._tx.rows(
            "UPDATE answer_link SET ended_at = $2 WHERE advice_id = ANY($1::text[]) AND ended_at IS NULL",
            list(advice),
            self._tx.now,
        )

    async def erase(self, cases: Collection[str]) -> None:
        """Nothing that anybody wrote about these cases stays."""
        for statement in _ERASE:
            await self._tx.rows(statement, list(cases))
