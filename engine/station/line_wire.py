"""What goes between a master and the process of a line, beside what every batch has: services, messages, snapshots."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from engine.effects import Perform, SendEvent
from engine.ports import Outcome
from engine.runtime.codec import decode_effects, decode_map, encode_effects, encode_value
from engine.station.rpc import NoAnswerError, RemoteError, Rpc

log = structlog.get_logger(__name__)

# What only a line's process shows.
WEIGHT: Final = "weight"  # value: what its scale shows now, or null
STATE: Final = "line_state"  # state: the titles of its active states

_MOST_WAITING: Final = 1_000  # messages for a process that does not take them


class Messages:
    """Messages and orders to the other end, in their order and each once; what its end never takes is dropped."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_WAITING)
        self._arrived = asyncio.Event()

    def put(self, sender: str, effect: Perform | SendEvent) -> None:
        """Have it sent; never waits. Raises SnapshotError for values that no message can carry."""
        (written,) = encode_effects([effect])
        self._waiting.append({**written, "from": sender})
        self._arrived.set()

    async def run(self) -> None:
        """Send, until the other end is gone."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch = list(self._waiting)
                self._waiting.clear()
                try:
                    await self._rpc.call("messages", {"messages": batch})
                except NoAnswerError as error:
                    log.info("station.messages.undelivered", to=self._rpc.name, count=len(batch), reason=str(error))
                    return
                except RemoteError as error:
                    log.error("station.messages.refused", to=self._rpc.name, count=len(batch), reason=str(error))  # noqa: TRY400


def deliver(
    messages: list[dict[str, Any]], send: Callable[[str, SendEvent], None], perform: Callable[[str, Perform], None]
) -> None:
    """What :class:`Messages` sent, each with its sender; one that cannot be delivered does not keep the others."""
    for written in messages:
        try:
            (effect,) = decode_effects([written])
            sender = str(written["from"])
            if isinstance(effect, SendEvent):
                send(sender, effect)
            elif isinstance(effect, Perform):
                perform(sender, effect)
        except Exception:
            log.exception("station.message.failed", message=written)


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON. Raises SnapshotError for values that cannot be carried."""
    return {"name": outcome.name, "payload": encode_value(outcome.payload, outcome.name)}


def outcome_from_json(raw: Mapping[str, Any]) -> Outcome:
    """What :func:`outcome_to_json` gave."""
    return Outcome(str(raw["name"]), decode_map(raw["payload"]))
