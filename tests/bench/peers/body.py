"""The same body as the peers would declare it: plain Pydantic models, read by FastAPI itself."""

from datetime import date

from pydantic import BaseModel, Field


class Child(BaseModel):
    """Whom it is about."""

    given_name: str = Field(max_length=200)
    family_name: str = Field(max_length=200)
    date_of_birth: date
    sex: str
    postcode: str | None = None
    nhs_number: str | None = None
    upn: str | None = None
    school_urn: str | None = Field(default=None, pattern=r"^\d{6}$")
    year_group: str | None = None
    address_restricted: bool = False
    has_social_worker: bool = False


class Contact(BaseModel):
    """Somebody of the family."""

    name: str
    relationship: str
    parental_responsibility: bool
    safe_to_contact: bool


class Family(BaseModel):
    """What the family knows and says."""

    informed: bool
    views: str | None = None
    interpreter_language: str | None = None
    contacts: list[Contact] = []


class Need(BaseModel):
    """One need."""

    type: str
    rank: int


class Concern(BaseModel):
    """What worries."""

    summary: str = Field(max_length=8000)
    risk_of_exclusion: str
    attendance: float | None = None


class Basis(BaseModel):
    """Why it may be shared."""

    kind: str
    special_category: str | None = None
    recorded_on: date


class Referrer(BaseModel):
    """Who asks."""

    name: str
    role: str
    email: str
    reference: str | None = None


class ReferralBody(BaseModel):
    """A referral."""

    child: Child
    family: Family | None = None
    needs: list[Need] = Field(min_length=1)
    concern: Concern
    requested: list[str]
    urgency: str
    basis: Basis
    referrer: Referrer
