"""Reading a request's body: size, media type, UTF-8, depth, duplicate keys, then Pydantic in strict JSON mode."""

import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from chassis.errors import FieldError, Invalid, Malformed, TooLarge, UnsupportedMediaType

M = TypeVar("M", bound=BaseModel)

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20
MAX_DIGITS: Final = 15
_MAX_NUMBER_LENGTH: Final = 40


@dataclass(frozen=True, slots=True)
class Body(Generic[M]):
    """A body that was read: its value, and the digest of its canonical form (for idempotency)."""

    value: M
    digest: bytes
    #: The JSON object as sent; PATCH needs to know which fields were named.
    raw: dict[str, Any]


async def read_bytes(request: Request, limit: int = MAX_BYTES) -> bytes:
    """The body's bytes. Raises `TooLarge` as soon as it is, whatever Content-Length says."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body uncompressed.")
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() not in {"application/json", "application/merge-patch+json"} or (
        "charset" in parameters.lower() and "utf-8" not in parameters.lower()
    ):
        raise UnsupportedMediaType("Send Content-Type: application/json, in UTF-8.")
    # Parsed by the server, so it is a number; not waited for when it says that it is too much.
    if int(request.headers.get("content-length", "0")) > limit:
        raise TooLarge(f"The body is larger than {limit // 1024} kB.")
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body is larger than {limit // 1024} kB.")
        chunks.append(chunk)
    return b"".join(chunks)


def parse(data: bytes) -> dict[str, Any]:
    """Strict JSON: one object, no duplicate keys, no NaN, no deep nests, no absurd numbers. Raises `Malformed`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    if text.startswith("\ufeff"):
        raise Malformed("The body begins with a byte order mark; leave it out.")
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise Malformed("The body is nested too deeply.") from error
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.", pointer="")
    return value


def _check_depth(text: str) -> None:  # noqa: C901  a small state machine reads best whole
    """Bound the nesting before any parser sees it. Brackets in strings are counted too: only ever too strict."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"The body is nested more than {MAX_DEPTH} deep.")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        # Counted in one pass: the body may have tens of thousands of names.
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise Malformed("A field is given twice.", pointer="/" + escape(twice[:60].encode("ascii", "replace").decode()))
    return result


def _no_constant(name: str) -> Any:
    raise Malformed(f"{name.lstrip('-')} is not a JSON number.")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise Malformed(f"A number has more than {MAX_DIGITS} digits.")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= _MAX_NUMBER_LENGTH else float("inf")
    if abs(value) > 10**MAX_DIGITS:
        raise Malformed("A number is out of range.")
    return value


def escape(part: str) -> str:
    """A part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def pointer(location: tuple[int | str, ...]) -> str:
    """Pydantic's location as a JSON pointer."""
    return "".join(f"/{escape(str(part)[:60])}" for part in location)


#: Pydantic's message may quote the input ("input_value=…" never, some errors' own text yes): ours never do.
_SAYS: Final = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field; remove it.",
    "string_type": "Must be a string.",
    "bool_type": "Must be true or false.",
    "int_type": "Must be a whole number.",
    "float_type": "Must be a number.",
    "model_type": "Must be an object.",
    "tuple_type": "Must be a list.",
    "list_type": "Must be a list.",
    "date_from_datetime_parsing": "Must be a date: YYYY-MM-DD.",
    "date_parsing": "Must be a date: YYYY-MM-DD.",
    "date_type": "Must be a date: YYYY-MM-DD.",
}


def validate(model: type[M], data: bytes, raw: dict[str, Any]) -> M:
    """The value of a body. Raises `Invalid`, naming every field that is wrong and never quoting what was sent."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        # Python's parser takes half a character for text, Pydantic's does not and cannot say where it is.
        broken = next(_unpaired(raw), None)
        if broken is not None:
            raise Invalid("A text is not text.", errors=[FieldError(broken, "not-text", _UNPAIRED)]) from None
        raise Invalid(
            "The body does not say what is needed; see errors.",
            errors=[
                FieldError(
                    pointer(tuple(e["loc"])),
                    e["type"].replace("_", "-"),
                    _SAYS.get(e["type"]) or _safe_message(e),
                )
                for e in error.errors(include_url=False, include_input=False, include_context=True)[:50]
            ],
        ) from None


_UNPAIRED: Final = "Must not contain unpaired surrogates."


def _unpaired(value: Any, at: tuple[int | str, ...] = ()) -> Iterator[str]:
    """The pointers of texts that have no UTF-8; of the object, when it is the name of a field."""
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            yield pointer(at)
    elif isinstance(value, dict):
        for name, each in value.items():
            if next(_unpaired(name), None) is not None:
                yield pointer(at)
            yield from _unpaired(each, (*at, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unpaired(each, (*at, index))


def _safe_message(error: Any) -> str:
    context = error.get("ctx") or {}
    if error["type"] == "value_error":
        return str(context.get("error", "Is not valid.")).capitalize()
    return str(error["msg"])


def json_body(model: type[M]) -> Callable[[Request], Awaitable[Body[M]]]:
    """A FastAPI dependency that reads a body of this model; put `openapi_extra=takes(model)` on the route."""

    async def read(request: Request) -> Body[M]:
        data = await read_bytes(request)
        raw = parse(data)
        value = validate(model, data, raw)
        canonical = orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)
        return Body(value, hashlib.sha256(canonical).digest(), raw)

    return read


#: Where a route's document says which of these its body is, until `chassis.http` has read it.
BODY: Final = "x-body"
#: Models named by `takes`, by module and name: two services may have one of the same name.
BODY_MODELS: Final[dict[str, type[BaseModel]]] = {}


def _header(name: str, description: str, pattern: str, *, required: bool) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


_KEY: Final = "New for each new request, the same for each retry: then a retry never does a thing twice."
#: Request headers of routes, for the document only: what is missing has its own answer (400, 428), not a parameter's.
KEYED: Final = _header("Idempotency-Key", _KEY, "^[!-~]{1,200}$", required=True)
KEY_OPTIONAL: Final = _header("Idempotency-Key", _KEY, "^[!-~]{1,200}$", required=False)
VERSIONED: Final = _header("If-Match", "The ETag that you read.", '^(W/)?"[0-9]{1,18}"$', required=True)


def takes(model: type[BaseModel], *headers: dict[str, Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    """The OpenAPI of a body that `json_body` reads, and of the headers that the route looks at.

    The body's schema joins the document's components in `chassis.http`.
    """
    place = f"{model.__module__}.{model.__qualname__}"
    BODY_MODELS[place] = model
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    if example is not None:
        content["example"] = example
    said: dict[str, Any] = {"requestBody": {BODY: place, "required": True, "content": {"application/json": content}}}
    return {**said, "parameters": list(headers)} if headers else said
