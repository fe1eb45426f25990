"""`python -m notifier`: the service's own commands, as `jointly notifier` has them."""

from notifier.commands import app

if __name__ == "__main__":
    app()
