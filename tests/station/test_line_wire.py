"""Messages between a line's process and its master, over a wire that loses and doubles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.effects import Perform, SendEvent
from engine.ports import Outcome
from engine.runtime.errors import SnapshotError
from engine.station.line_wire import Messages, deliver, outcome_from_json, outcome_to_json
from engine.station.rpc import Rpc
from engine.testing.loop import VirtualLoop
from engine.units import Quantity


class Wire:
    """Sends messages from near to far; what has arrived there is in ``arrived``."""

    def __init__(self, loss: float, seed: int) -> None:
        self.arrived: list[tuple[str, SendEvent | Perform]] = []
        self._random = Random(seed)
        self._loss = loss
        self.near = Rpc("far", lambda data: self._carry("far", data), {})
        self.far = Rpc("near", lambda data: self._carry("near", data), {"messages": self._on_messages})

    def _carry(self, to: str, data: bytes) -> None:
        end = {"far": self.far, "near": self.near}[to]
        for _ in range(self._random.choice((1, 2))):
            if self._random.random() >= self._loss:
                asyncio.get_running_loop().call_later(self._random.random() * 0.6, end.receive, data)

    async def _on_messages(self, messages: list[dict[str, Any]]) -> None:
        def note(sender: str, effect: SendEvent | Perform) -> None:
            if isinstance(effect, SendEvent) and effect.event == "poison":
                raise ZeroDivisionError
            self.arrived.append((sender, effect))

        deliver(messages, note, note)


def sent_over(wire: Wire, effects: Mapping[int, SendEvent | Perform]) -> None:
    async def scenario() -> None:
        async with wire.near, wire.far:
            messages = Messages(wire.near)
            running = asyncio.create_task(messages.run())
            for number, effect in effects.items():
                messages.put(f"line-{number}", effect)
                await asyncio.sleep(0.1 * (number % 3))
            await asyncio.sleep(60)
            running.cancel()

    loop = VirtualLoop()
    try:
        loop.run(scenario())
    finally:
        loop.close()


@settings(max_examples=20, deadline=None)
@given(loss=st.floats(0, 0.6), seed=st.integers(0, 1000), count=st.integers(1, 12))
def test_messages_arrive_in_their_order_and_each_once(loss: float, seed: int, count: int) -> None:
    wire = Wire(loss, seed)
    sent = {number: SendEvent("upload", "record.committed", {"number": number}) for number in range(count)}
    sent_over(wire, sent)
    assert wire.arrived == [(f"line-{number}", effect) for number, effect in sent.items()]


def test_one_that_cannot_be_delivered_does_not_keep_the_others() -> None:
    wire = Wire(0, 1)
    sent_over(wire, {0: SendEvent("x", "poison"), 1: Perform("stream.send_latest"), 2: SendEvent("x", "good")})
    assert [effect for _, effect in wire.arrived] == [Perform("stream.send_latest"), SendEvent("x", "good")]


def test_messages_to_a_process_that_is_gone_are_over() -> None:
    async def scenario() -> None:
        wire = Wire(0, 1)
        async with wire.near:
            messages = Messages(wire.near)
            messages.put("line", SendEvent("x", "late"))
            wire.near.give_up("it is gone")
            await asyncio.wait_for(messages.run(), 5)

    asyncio.run(scenario())


def test_an_outcome_keeps_its_values_and_what_cannot_be_carried_is_refused() -> None:
    found = Outcome("found", {"weight": Quantity(Decimal("12.340"), "kg"), "fields": {"plate": "12가3456", "n": 2}})
    assert outcome_from_json(outcome_to_json(found)) == found
    with pytest.raises(SnapshotError):
        outcome_to_json(Outcome("found", {"records": [object()]}))
