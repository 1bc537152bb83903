"""The borders of a run: who keeps its records, who answers its questions, what it shares with other batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import EngineError
from engine.sequence.records import Item, Shown


class Recorder(Protocol):
    """Where records go, and what is told of them."""

    async def commit(self, items: Sequence[Item]) -> None:
        """Keep the records among these, all or none; durable when it returns. Raises EngineError when they are not.

        After that everything is shown, in its order: a record as :func:`engine.sequence.telling.told` tells it. The
        same may come again when an answer was lost: records are recognised by execution and ``seq``.
        """
        ...

    def show(self, event: Shown) -> None:
        """Something for a screen, when no record has to be kept before it. Never blocks, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question to the operator. ``id`` is unique; without ``choices`` any text is an answer."""

    id: str
    execution_id: str
    step: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None  # the answer when nobody gives one in time
    timeout: float | None = None  # seconds; the run itself keeps the time


class OperatorAbsentError(EngineError):
    """Nobody is there who could answer."""


class Operator(Protocol):
    """Who answers prompts."""

    async def ask(self, prompt: Prompt) -> str:
        """The answer. Cancelled when it is no longer wanted. Raises OperatorAbsentError when nobody can answer."""
        ...


class Resources(Protocol):
    """What batches share. A run that ends has given back all that it held."""

    async def acquire(self, name: str) -> None:
        """Wait until the resource is ours. Cancelled when it is no longer wanted (then it is not held)."""
        ...

    async def release(self, name: str) -> None:
        """Give it back; nothing happens when it is not held."""
        ...

    async def rendezvous(self, name: str, members: int) -> None:
        """Wait until ``members`` runs are here. Cancelled when one no longer waits (then it does not count)."""
        ...


class DeviceFactory(Protocol):
    """Makes drivers of the engine's own serial devices (``driver: scale``); injected, for a run knows no devices."""

    def __call__(self, kind: str, name: str, config: Mapping[str, object]) -> object:
        """A driver object with the commands that ``engine.sequence.devices`` declares for ``kind``.

        Raises EngineError when the configuration does not describe such a device.
        """
        ...
