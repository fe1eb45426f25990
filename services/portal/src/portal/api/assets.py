"""The style sheet, scripts and mark of the pages: the package's own files and nothing else."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from chassis.http import public
from fastapi import APIRouter, Depends, Path, Request, Response

router: Final = APIRouter(include_in_schema=False, dependencies=[Depends(public)])

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}


@cache
def _asset(name: str) -> tuple[bytes, str] | None:
    folder = files("portal") / "data" / "static"
    if name not in {each.name for each in folder.iterdir()}:
        return None
    body = (folder / name).read_bytes()
    return body, '"' + hashlib.sha256(body).hexdigest()[:32] + '"'


@router.get("/assets/{name}")
async def asset(request: Request, name: Annotated[str, Path(max_length=60)]) -> Response:
    """One file; browsers ask each time whether it is still the same."""
    found = _asset(name)
    if found is None:
        return Response(status_code=404)
    body, tag = found
    headers = {"ETag": tag, "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES.get(name.rpartition(".")[2], "application/octet-stream"))
