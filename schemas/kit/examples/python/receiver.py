"""Receives webhooks: verifies, does the work once, answers.

JOINTLY_WEBHOOK_SECRET=whsec_… python receiver.py          # then: jointly-kit check-receiver http://127.0.0.1:8787/hook
"""

import json
import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from heard import Heard
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

app = FastAPI(openapi_url=None)
webhook = Webhook(os.environ["JOINTLY_WEBHOOK_SECRET"])
heard = Heard(Path(os.environ.get("JOINTLY_STORE", "heard.sqlite")))


@app.post("/hook")
async def receive(request: Request) -> Response:
    """2xx says: I have it. Anything else, or no answer within 20 seconds, and it comes again, for 75 hours."""
    # The bytes as they came: parsed and written anew, they would be others, and no signature would fit.
    body = await request.body()
    try:
        # Checks the signature, and that the timestamp is not more than five minutes away from now. First of all:
        # until this is done, nothing in the request may be believed, not even the id.
        webhook.verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return Response(status_code=401)
    # New or not: we have it now. A duplicate is no error.
    await run_in_threadpool(heard.take, json.loads(body))
    return Response(status_code=204)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8787")), log_level="warning")
