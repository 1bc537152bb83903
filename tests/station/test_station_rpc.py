"""Calls over a channel that loses messages: answered, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.station.rpc import NoAnswerError, RefusedError, RemoteError, Rpc
from engine.testing.loop import VirtualLoop

T = TypeVar("T")


def on_virtual_time(scenario: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run(scenario)
    finally:
        loop.close()


class Line:
    """Two ends and a wire between them that drops a share of what is sent, and sends some of it twice."""

    def __init__(self, loss: float, seed: int = 1) -> None:
        self.done: list[int] = []
        self._random = Random(seed)
        self._loss = loss
        self.near = Rpc("far", lambda data: self._carry("far", data), {})
        self.far = Rpc(
            "near", lambda data: self._carry("near", data), {"add": self._add, "refuse": _refuse, "break": _break}
        )

    def _carry(self, to: str, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        end = {"far": self.far, "near": self.near}[to]
        for _ in range(self._random.choice((1, 1, 2))):
            if self._random.random() >= self._loss:
                loop.call_later(self._random.random() * 0.6, end.receive, data)

    async def _add(self, number: int) -> int:
        self.done.append(number)
        await asyncio.sleep(self._random.random())
        return number + 1


async def _refuse() -> None:
    raise RefusedError("busy", "a sequence runs")


async def _break() -> None:
    raise ZeroDivisionError("by zero")


@settings(max_examples=25, deadline=None)
@given(loss=st.floats(0, 0.7), seed=st.integers(0, 10_000))
def test_every_call_is_answered_and_done_once_whatever_is_lost_or_doubled(loss: float, seed: int) -> None:
    async def scenario() -> None:
        line = Line(loss, seed)
        async with line.near, line.far:
            answers = await asyncio.gather(*(line.near.call("add", {"number": n}) for n in range(20)))
            await asyncio.sleep(60)  # whatever is still under way arrives
            assert answers == list(range(1, 21))
            assert sorted(line.done) == list(range(20))

    on_virtual_time(scenario())


def test_a_refusal_tells_its_code_and_a_bug_is_told_as_one() -> None:
    async def scenario() -> None:
        line = Line(0)
        async with line.near, line.far:
            with pytest.raises(RemoteError, match="a sequence runs") as refused:
                await line.near.call("refuse")
            assert refused.value.code == "busy"
            for name, code in (("break", "bug"), ("nonsense", "unknown_call"), ("add", "bug")):
                with pytest.raises(RemoteError) as failed:
                    await line.near.call(name)
                assert failed.value.code == code

    on_virtual_time(scenario())


def test_an_end_that_does_not_answer_in_time_is_told_so() -> None:
    async def scenario() -> None:
        line = Line(1.0)
        async with line.near, line.far:
            with pytest.raises(NoAnswerError, match="within 2 s"):
                await line.near.call("add", {"number": 1}, within=2)

    on_virtual_time(scenario())


def test_calls_fail_at_once_when_the_other_end_is_known_to_be_gone() -> None:
    async def scenario() -> None:
        line = Line(1.0)
        async with line.near, line.far:
            call = asyncio.ensure_future(line.near.call("add", {"number": 1}))
            await asyncio.sleep(0.1)
            line.near.give_up("its process was killed")
            with pytest.raises(NoAnswerError, match="killed"):
                await call
            with pytest.raises(NoAnswerError, match="killed"):
                await line.near.call("add", {"number": 2})

    on_virtual_time(scenario())


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b'{"call":"x"}', b'{"answer":1}', b"1", b'{"call":1}'])
def test_what_is_no_message_is_dropped(data: bytes) -> None:
    async def scenario() -> None:
        line = Line(0)
        async with line.near, line.far:
            line.far.receive(data)
            assert await line.near.call("add", {"number": 1}) == 2

    on_virtual_time(scenario())
