"""`python -m jointly_kit`: the same commands as `jointly-kit`."""

from jointly_kit.commands import app

app()
