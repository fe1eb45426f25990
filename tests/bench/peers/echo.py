"""The bound: a bare FastAPI app that validates the same body and answers it. No sign-in, no database."""

from fastapi import FastAPI
from referral_api.views import ReferralIn

app = FastAPI()


@app.post("/v1/referrals", status_code=201)
async def echo(body: ReferralIn) -> ReferralIn:
    """Validated in, serialised out."""
    return body
