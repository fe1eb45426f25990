"""What may be done next."""

from chassis.wire import Action


def action(name: str, href: str, reason: str | None = None) -> Action:
    """Something the caller may do next, or why not."""
    return Action(name=name, method="POST", href=href, allowed=reason is None, reason=reason)
