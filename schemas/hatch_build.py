# ruff: noqa: INP001  the builder looks for this file by its name, beside pyproject.toml
"""Puts the examples, and what was released, into what is built: pages about the events are drawn from them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Packed(BuildHookInterface[Any]):
    """An installed package has them within itself; one that is worked on reads them where they are written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folders."""
        if self.target_name == "wheel" and version != "editable":
            for folder in ("examples", "released"):
                build_data["force_include"][str(Path(self.root) / folder)] = f"schemas/packed/{folder}"
