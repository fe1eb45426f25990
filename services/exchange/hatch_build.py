# ruff: noqa: INP001  the builder looks for this file by its name, beside pyproject.toml
"""Puts INTEGRATORS.md into what is built: the host shows it as a page."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Packed(BuildHookInterface[Any]):
    """An installed package has it within itself; one that is worked on is read where it is written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the file."""
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(Path(self.root) / "INTEGRATORS.md")] = "exchange/INTEGRATORS.md"
