"""What travels over HTTP: strict models in, plain models out, and text that no database or terminal chokes on."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.types import StringConstraints
from schemas.codes import registry

T = TypeVar("T")


class In(BaseModel):
    """A body or a part of one: unknown fields, coercions, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Out(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


class Page(Out, Generic[T]):
    """A page of a list; `next` is the cursor of the following page, null on the last."""

    items: tuple[T, ...]
    next: str | None


class Action(Out):
    """Something the caller may do next, or why not."""

    name: str
    method: str
    href: str
    allowed: bool
    reason: str | None = None


class Problem(Out):
    """RFC 9457, with our correlation id and one entry per field that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    correlation_id: str
    errors: tuple[dict[str, str], ...] = ()


#: Takes no room and joins nothing: two names that differ by it look the same. Joiners that scripts need are not here.
_UNSEEN: Final = frozenset("\u00ad\u115f\u1160\u180e\u200b\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0")
#: And what takes room, but is not seen.
_BLANK: Final = _UNSEEN | {"\u2800"}


def clean(text: str) -> str:
    """The text in Unicode's composed form. Raises `ValueError` for control characters, surrogates and the like."""
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs", "Cn"} and character not in "\n\t":
            raise ValueError("must not contain control characters or unpaired surrogates")
        # Direction overrides can make a text read as what it is not.
        if "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069":
            raise ValueError("must not contain text direction overrides")
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """`clean`, on a single line, not blank."""
    text = clean(text).strip()
    if not text:
        raise ValueError("must not be blank")
    if "\n" in text or "\t" in text:
        raise ValueError("must be a single line")
    if not _UNSEEN.isdisjoint(text) or all(unicodedata.category(character)[0] in "CZM" for character in text):
        raise ValueError("must not contain characters that nobody sees")
    return text


def prose(text: str) -> str:
    """`clean`; what is not empty must say something that can be seen."""
    text = clean(text)
    if text and all(character in _BLANK or unicodedata.category(character)[0] in "CZM" for character in text):
        raise ValueError("must say something that can be seen")
    return text


#: A name or title: one line, 1-200 characters.
Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(one_line)]
#: A code or identifier: printable ASCII without spaces.
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
#: A paragraph or several: up to 8,000 characters.
Prose = Annotated[str, Field(max_length=8000), AfterValidator(prose)]


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}")


def _as_day(value: Any) -> Any:
    """Pydantic would take a bare number, as text too, for a time since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("must be written as YYYY-MM-DD")


def _as_instant(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.match(value)):
        return value
    raise ValueError("must be written as YYYY-MM-DDThh:mm:ssZ, with its time zone")


#: A day and an instant as JSON has them, in bodies and in addresses. Written out, so not strict about the type.
Day = Annotated[date, Field(strict=False), BeforeValidator(_as_day)]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_instant)]


def listed(name: str) -> Any:
    """Metadata of a code's field: the document lists the registry's codes. Which hold on the day is checked later."""
    codes = dict.fromkeys(entry.code for entry in registry(name).entries)
    return Field(json_schema_extra={"enum": list(codes)})


def as_json(model: BaseModel) -> dict[str, Any]:
    """The model as JSON-ready values."""
    return model.model_dump(mode="json")
