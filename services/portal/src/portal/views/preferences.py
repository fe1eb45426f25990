"""How somebody is told, in words."""

from collections.abc import Mapping
from typing import Any

from portal.domain.words import plain
from portal.views.wording import label


def rows(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is chosen now."""
    quiet = said.get("quiet") or {}
    absence = said.get("absence") or {}
    hour = said.get("digest_hour")
    found = [
        ("E-mail", "Yes" if said.get("email") else "No"),
        ("Together or at once", plain(said.get("digest") or "")),
        ("At what hour", "" if hour is None else f"{hour}:00"),
        ("Quiet hours", f"{quiet['since']} to {quiet['until']}" if quiet else ""),
        ("Further ways", ", ".join(label(each, "notification-channels") for each in said.get("channels") or ())),
        ("Absent", f"{absence.get('since', '')} to {absence.get('until', '')}" if absence else ""),
    ]
    return [(name, value) for name, value in found if value]
