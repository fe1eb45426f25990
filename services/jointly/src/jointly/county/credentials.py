"""`credentials.json`: who one can be in the demo county. Secrets are made once per state folder and then stay."""

import secrets
from collections.abc import Sequence
from typing import Any

from jointly.county.staff import DemoCluster, DemoProvider, systems, workers
from jointly.issuer.keys import private_key
from jointly.state import CREDENTIALS, StateFolder


def keep_credentials(
    state: StateFolder, clusters: Sequence[DemoCluster], providers: Sequence[DemoProvider] = (), *, token_url: str
) -> dict[str, Any]:
    """Bring the file up to date and return what it holds. Whoever is in it already keeps their secret."""
    kept = state.read_json(CREDENTIALS)
    known = {row["client_id"]: row for row in kept.get("systems", ())}
    fresh = {
        "systems": [
            _system(state, organisation, sector, token_url, known) for organisation, sector in systems(clusters)
        ],
        "people": [
            {
                "name": worker.name,
                "title": worker.title,
                "roles": list(worker.roles),
                "sub": worker.id,
                "organisation": worker.organisation,
                "sector": worker.sector,
                "clusters": [worker.cluster] if worker.cluster else [],
            }
            for worker in workers(clusters, providers)
        ],
    }
    if fresh != kept:
        state.write_json(CREDENTIALS, fresh)
    return fresh


def _system(
    state: StateFolder, organisation: str, sector: str, token_url: str, known: dict[str, Any]
) -> dict[str, Any]:
    client_id = f"{organisation}-system"
    file = f"keys/{client_id}.pem"
    private_key(state, file)
    return {
        "organisation": organisation,
        "sector": sector,
        "client_id": client_id,
        "client_secret": known.get(client_id, {}).get("client_secret") or secrets.token_urlsafe(24),
        "token_url": token_url,
        "private_key": file,
    }
