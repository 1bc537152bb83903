"""A World whose lines are unmanned terminals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.events import Event
from engine.ports import Card
from engine.service.weights import LatestWeights
from engine.sim.terminal import SimulatedTerminal
from engine.testing.twin_terminal import TwinTerminal, terminal_on
from engine.testing.world import Settings, World
from parsers.suwol import Key, KeyKind


class TerminalWorld(World):
    """As World; ``terminals`` are the lines' devices, and ``cards`` what the local card table knows."""

    def __init__(
        self,
        lines: Sequence[str] = ("dock-1",),
        *,
        chart: str | Path = "terminal-weighing",
        settings: Settings | None = None,
        machine_settings: Mapping[str, Settings] | None = None,
        approved: bool = True,
        seed: int = 1,
        cards: Sequence[Card] = (),
    ) -> None:
        super().__init__(
            lines,
            chart=chart,
            settings=settings,
            machine_settings=machine_settings,
            approved=approved,
            seed=seed,
        )
        self.terminals = {line: terminal_on(scale) for line, scale in self.scales.items()}
        self.add_cards(*cards)

    def add_cards(self, *cards: Card) -> None:
        """Put cards into the local card table."""
        self._now(self.store.save_cards(cards))

    def terminal(self, line: str | None = None) -> SimulatedTerminal:
        """A line's terminal; the first line's when none is named."""
        return self.terminals[line or self.lines[0]]

    def press(self, kind: KeyKind, value: str = "", line: str | None = None) -> None:
        """Type a value and one of the keys at a terminal."""
        self.terminal(line).press(Key(kind, value), self.clock.monotonic())

    def _make_line(self, name: str, weights: LatestWeights, post: Callable[[Event], None]) -> TwinTerminal:
        twin = TwinTerminal(name, self.terminals[name], clock=self.clock, loop=self.loop, weights=weights, post=post)
        self._terminal_devices[name] = twin.terminal
        return twin
