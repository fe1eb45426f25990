"""What tests of referral-api do over and over: agencies that send referrals, and what they then see."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx
from chassis.clock import new_id
from referral_api.views.example import REFERRAL
from schemas.event import Event
from support.service import Served, keyed, signed_in

SCHOOL = {"organisation": "school-115482", "sector": "education"}
HOSPITAL = {"organisation": "nhs-trust", "sector": "health"}
SOCIAL_CARE = {"organisation": "childrens-services", "sector": "social-care"}
AGENCIES = (SCHOOL, HOSPITAL, SOCIAL_CARE)
INTAKE = {"organisation": "county-council", "sector": "council", "roles": ("caseworker",), "subject": "person-intake"}
LEAD = {
    "organisation": "school-115600",
    "sector": "education",
    "roles": ("cluster-lead",),
    "subject": "person-lead",
}


def a_referral(**parts: Any) -> dict[str, Any]:
    """The documents' example with these parts changed; `child={...}` and other objects are merged."""
    body = deepcopy(REFERRAL)
    for name, value in parts.items():
        if isinstance(value, dict) and isinstance(body.get(name), dict):
            body[name] |= value
        else:
            body[name] = value
    return body


def a_child(number: int) -> dict[str, Any]:
    """A synthetic child unlike those of other numbers."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:06d}")
    return {
        "given_name": f"G{letters}",
        "family_name": f"F{letters[::-1]}-Test",
        "date_of_birth": f"20{10 + number % 10}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "postcode": None,
    }


@dataclass
class House:
    """The running service, and who calls it."""

    served: Served
    _sent: list[str] = field(default_factory=list)

    @property
    def client(self) -> httpx.AsyncClient:
        """The way in."""
        return self.served.client

    async def send(
        self, body: dict[str, Any] | None = None, *, key: str | None = None, by: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Post a referral."""
        headers = signed_in(**(by or SCHOOL)) | keyed(key)
        return await self.client.post("/v1/referrals", json=body or a_referral(), headers=headers)

    async def sent(self, body: dict[str, Any] | None = None, *, by: dict[str, Any] | None = None) -> dict[str, Any]:
        """Post a referral that is taken."""
        response = await self.send(body, by=by)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def get(self, path: str, *, by: dict[str, Any] | None = None, **query: Any) -> httpx.Response:
        """Read."""
        return await self.client.get(path, params=query or None, headers=signed_in(**(by or SCHOOL)))

    async def read(self, path: str, *, by: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """Read what is there."""
        response = await self.get(path, by=by, **query)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def patch(
        self,
        referral_id: str,
        change: dict[str, Any],
        *,
        version: int | None = 1,
        by: dict[str, Any] | None = None,
        **query: Any,
    ) -> httpx.Response:
        """Amend a referral."""
        headers = signed_in(**(by or SCHOOL))
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.patch(f"/v1/referrals/{referral_id}", json=change, headers=headers, params=query)

    async def post(
        self,
        path: str,
        body: dict[str, Any],
        *,
        by: dict[str, Any] | None = None,
        version: int | None = None,
        key: str | None = "",
        **query: Any,
    ) -> httpx.Response:
        """Post anything else; a fresh key unless it is None."""
        headers = signed_in(**(by or SCHOOL))
        if key is not None:
            headers |= keyed(key or new_id())
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.post(path, json=body, headers=headers, params=query)

    async def withdraw(
        self, referral_id: str, *, version: int = 1, reason: str = "family-declined", by: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Withdraw a referral."""
        return await self.post(
            f"/v1/referrals/{referral_id}/withdraw", {"reason": reason}, by=by, version=version, key=None
        )

    async def said(self, *types: type[Event]) -> list[Event]:
        """What was committed to the outbox."""
        return await self.served.said(*types)

    async def hear_itself(self) -> None:
        """Deliver to the service what it has said itself, as the log would."""
        new = (await self.said())[len(self._sent) :]
        self._sent += [event.type for event in new]
        for event in new:
            await self.served.hear(event)

    async def count(self, table: str) -> int:
        """Rows of a table."""
        rows = await self.served.rows(f'SELECT count(*) AS n FROM "{table}"')
        return int(rows[0]["n"])
