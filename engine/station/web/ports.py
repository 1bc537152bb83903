"""What the face asks of the station behind it; ``engine.station.station.Station`` is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.clock import Clock
from engine.station.bus import Bus
from engine.station.settings import BatchSettings, StationSettings
from engine.station.status import BatchStatus
from engine.store.station import StationStore


class StationPort(Protocol):
    """Everything that REST and WebSocket ask. What each raises is said by ``Station``."""

    settings: StationSettings
    clock: Clock
    bus: Bus
    store: StationStore

    @property
    def batch_ids(self) -> Sequence[str]:
        """All batches."""
        ...

    def status(self, batch_id: str) -> BatchStatus:
        """How a batch is."""
        ...

    def statuses(self) -> Sequence[BatchStatus]:
        """How all batches are."""
        ...

    def batch_settings(self, batch_id: str) -> BatchSettings:
        """What station.yaml says of a batch."""
        ...

    def configuration(self, batch_id: str) -> Sequence[str]:
        """The active states of a batch's life."""
        ...

    async def start_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Start its process."""
        ...

    async def stop_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """End its process."""
        ...

    async def restart_batch(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """End and start its process."""
        ...

    async def start_sequence(
        self, batch_id: str, parameters: Mapping[str, object] | None = None, *, serial: str = "", operator: str = ""
    ) -> str:
        """Run its sequence; the execution's id."""
        ...

    async def resume_sequence(self, batch_id: str, *, actor: str = "") -> str:
        """Go on with what a crash has interrupted; its execution's id."""
        ...

    async def stop_sequence(self, batch_id: str, reason: str = "stopped", *, actor: str = "") -> BatchStatus:
        """Stop what runs."""
        ...

    async def manual(
        self, batch_id: str, hardware: str, command: str, params: Mapping[str, object] | None = None, *, actor: str = ""
    ) -> Mapping[str, Any]:
        """Give hardware a command."""
        ...

    async def answer(self, batch_id: str, prompt_id: str, text: str, *, actor: str = "") -> None:
        """Answer a question."""
        ...

    async def run_cleanup(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Do the cleanup that is owed."""
        ...

    async def waive_cleanup(self, batch_id: str, *, actor: str = "") -> BatchStatus:
        """Let the cleanup be that is owed."""
        ...

    async def add_batch(self, settings: BatchSettings) -> None:
        """Take a new batch in, idle."""
        ...

    async def replace_batch(self, settings: BatchSettings) -> None:
        """Another batch of the same id takes its place."""
        ...

    async def remove_batch(self, batch_id: str) -> None:
        """Let a batch go."""
        ...
