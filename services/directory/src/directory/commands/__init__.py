"""What an operator imports: the register, organisations, people, term dates.

The host mounts `app` and gives the context's `obj`: a function that opens the parts of a service by its name. The same
imports can be called with a runtime at hand, as the demo county does.
"""

from directory.commands.imports import (
    import_calendar,
    import_organisations,
    import_people,
    import_school_links,
    import_schools,
)
from directory.commands.terminal import app

__all__ = [
    "app",
    "import_calendar",
    "import_organisations",
    "import_people",
    "import_school_links",
    "import_schools",
]
