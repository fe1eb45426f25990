"""What FHIR stands for, by date: `data/fhir.toml`, read once."""

import tomllib
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

from referral_api.domain.fhir.rules import FhirRules
from referral_api.store.dated import NoRulesYet


@cache
def _every() -> tuple[FhirRules, ...]:
    """Newest first."""
    text = (files("referral_api") / "data" / "fhir.toml").read_text(encoding="utf-8")
    every = (FhirRules.of(entry) for entry in tomllib.loads(text)["versions"])
    return tuple(sorted(every, key=lambda rules: rules.since, reverse=True))


@lru_cache(maxsize=64)
def fhir_rules(on: date) -> FhirRules:
    """What holds on a day; before the first entry, as it says. Raises `NoRulesYet`."""
    if not _every():
        raise NoRulesYet
    return next((rules for rules in _every() if rules.since <= on), _every()[-1])
