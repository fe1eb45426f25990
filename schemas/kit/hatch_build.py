# ruff: noqa: INP001  the builder looks for this file by its name, beside pyproject.toml
"""Puts the events of schemas/examples into what is built, so that nobody ever copies one by hand."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GoldenEvents(BuildHookInterface[Any]):
    """An installed kit has the events within itself; one that is worked on reads them where they are written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folder: beside this one in a source tree, inside it in a source archive."""
        if version == "editable":
            return
        archived = Path(self.root) / "golden"
        events = archived if archived.is_dir() else Path(self.root).parent / "examples"
        build_data["force_include"][str(events)] = "jointly_kit/golden" if self.target_name == "wheel" else "golden"
