"""Talking to whoever started us: pretty at a terminal, plain lines anywhere else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from chassis.clock import wall_seconds
from rich.console import Console
from rich.markup import escape
from rich.table import Table

#: Said instead of numbers that nobody needs.
_MOMENT: Final = 0.05
_NO_WIDTH: Final = 400


class Terminal:
    """Standard output, line by line."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        if not self.console.is_terminal:
            # A pipe has no width: nothing is cut or folded for it.
            self.console.width = _NO_WIDTH

    @property
    def pretty(self) -> bool:
        """Whether a person looks at it."""
        return self.console.is_terminal

    def say(self, line: str) -> None:
        """One line, as it is."""
        self.console.print(escape(line))

    def warn(self, line: str) -> None:
        """One line that matters more."""
        self.console.print(f"[yellow]{escape(line)}[/yellow]")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Something that takes a while: what it is, then that it is done and how long it took."""
        began = wall_seconds()
        if self.pretty:
            with self.console.status(escape(name)):
                yield
        else:
            yield
        took = wall_seconds() - began
        self.console.print(f"[green]ok[/green] {escape(name)}{f' ({took:.1f} s)' if took > _MOMENT else ''}")

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.console.print(f"\n[bold]{escape(text)}[/bold]")

    def rows(self, rows: Sequence[Sequence[str]], *, head: Sequence[str] = ()) -> None:
        """A small table; columns line up with and without a terminal."""
        table = Table(*map(escape, head), box=None, show_header=bool(head), pad_edge=False, padding=(0, 3, 0, 0))
        if not head:
            for _ in range(max(map(len, rows), default=0)):
                table.add_column()
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(table)
