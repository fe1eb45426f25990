"""The bound: a bare FastAPI app that validates the same body and answers it. No sign-in, no database."""

from bench.peers.body import ReferralBody
from fastapi import FastAPI

app = FastAPI()


@app.post("/v1/referrals", status_code=201)
async def echo(body: ReferralBody) -> ReferralBody:
    """Validated in, serialised out."""
    return body
