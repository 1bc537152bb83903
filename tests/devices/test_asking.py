"""Devices that only answer: when they are asked, and what becomes of answers that are late, doubled or missing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from decimal import Decimal

import pytest
from device_support import CLOCK, Pty, run

from engine.devices import asking, settings
from engine.devices.asking import ANSWER_WITHIN_S, LISTEN_S, Asker
from engine.devices.device import SerialDevice
from engine.devices.settings import DeviceSettings
from engine.errors import EngineError
from parsers import LineSettings, ProtocolInfo, WeightReading

BYTE = 10 / 9600
ANSWER = b"   12.34\r\n"


class TestRhythm:
    def test_a_device_is_asked_once_its_line_is_quiet_and_then_every_so_often(self):
        asker = Asker([b"SI\r\n"], 0.2, BYTE)
        asker.reset(10.0)
        assert asker.wait(10.0) == pytest.approx(0.03)
        assert asker.wait(10.03) == 0
        assert asker.ask(10.03) == b"SI\r\n"
        asker.heard(10.06)
        assert asker.wait(10.1) == pytest.approx(0.13)
        assert asker.wait(10.23) == 0

    def test_it_is_never_asked_while_it_talks(self):
        asker = Asker([b"?"], 0.1, BYTE)
        asker.reset(0.0)
        asker.ask(0.1)
        for now in (0.18, 0.2, 0.22, 0.24):  # an answer in pieces, as a USB adapter hands them over
            asker.heard(now)
            assert asker.wait(now) > 0
        assert asker.wait(0.26) > 0
        assert asker.wait(0.271) == 0

    def test_on_a_slow_line_quiet_takes_longer(self):
        asker = Asker([b"?"], 0.01, 10 / 300)
        asker.reset(0.0)
        assert asker.wait(0.1) > 0
        assert asker.wait(0.14) == 0

    def test_without_an_answer_it_is_asked_again_only_when_none_will_come(self):
        asker = Asker([b"?"], 0.2, BYTE)
        asker.reset(0.0)
        asker.ask(1.0)
        assert asker.wait(1.2) == pytest.approx(ANSWER_WITHIN_S - 0.2)
        assert asker.wait(1.0 + ANSWER_WITHIN_S) == 0
        assert asker.unanswered == 0
        asker.ask(2.0)
        assert asker.unanswered == 1

    def test_an_answer_that_comes_late_does_not_make_the_next_question_come_early(self):
        asker = Asker([b"?"], 0.2, BYTE)
        asker.reset(0.0)
        asker.ask(1.0)
        asker.ask(2.0)
        asker.heard(2.05)  # of the first question
        assert asker.wait(2.1) == pytest.approx(0.1)

    def test_a_device_that_sends_by_itself_is_not_asked_unless_it_falls_silent(self):
        asker = Asker([b"?"], 0.2, BYTE, listen_first=True)
        asker.reset(0.0)
        for now in (0.5, 1.0, 1.5, 2.0):
            asker.heard(now)
            assert asker.wait(now + 0.49) > 0
        assert asker.wait(2.0 + LISTEN_S) == 0

    def test_a_device_that_turns_out_to_answer_is_asked_at_the_usual_pace(self):
        asker = Asker([b"?"], 0.2, BYTE, listen_first=True)
        asker.reset(0.0)
        assert asker.wait(1.0) > 0
        asker.ask(1.6)
        asker.heard(1.65)
        assert asker.wait(1.8) == 0

    def test_several_questions_take_turns(self):
        asker = Asker([b"a", b"b"], 0.2, BYTE)
        assert [asker.ask(n) for n in range(3)] == [b"a", b"b", b"a"]


class TenByteParser:
    """Eight characters of weight and CR LF."""

    protocol = "asked-10"

    def __init__(self) -> None:
        self.rejected = 0
        self._held = b""

    def feed(self, data: bytes) -> list[WeightReading]:
        *lines, self._held = (self._held + data).split(b"\r\n")
        self.rejected += sum(len(line) != 8 for line in lines)
        return [WeightReading(Decimal(line.decode().strip()), None, None) for line in lines if len(line) == 8]

    def reset(self) -> None:
        self._held = b""


@pytest.fixture
def asked_protocol(monkeypatch):
    """A protocol of which the device says nothing until it is asked."""
    info = ProtocolInfo("asked-10", "a scale that is asked", "scale", LineSettings(), TenByteParser, ask=b"SI\r\n")
    monkeypatch.setattr(settings, "PROTOCOLS", {**settings.PROTOCOLS, info.name: info})
    monkeypatch.setattr(settings, "make_parser", lambda _: info.factory())


class AskedScale:
    """A scale behind a pty that answers each question as ``answer(number)`` says, and notes what it was asked."""

    def __init__(self, answer) -> None:
        self.port = Pty()
        self.asked = b""
        self.is_talking = False
        self.interrupted = 0
        self._answer = answer
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            if not select.select([self.port.master], [], [], 0.01)[0]:
                continue
            self.asked += os.read(self.port.master, 64)
            while self.asked.count(b"\r\n") > number and not self._ended.is_set():
                number += 1
                self._say(number)

    def _say(self, number: int) -> None:
        for delay, data in self._answer(number):
            self._ended.wait(delay)
            before = len(self.asked)
            for byte in data:
                self.port.send(bytes((byte,)))
                self._ended.wait(0.002)
            if select.select([self.port.master], [], [], 0)[0]:  # a question came while it was talking
                self.interrupted += 1
                self.asked += os.read(self.port.master, 64)
            assert len(self.asked) >= before

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.port.unplug()


@contextlib.asynccontextmanager
async def weighing(scale, **options):
    """A device on the scale's port; what it emits."""
    events = []
    device = SerialDevice(
        "scale",
        DeviceSettings(scale.port.path, ("asked-10",), unit="kg", **options),
        loop=asyncio.get_running_loop(),
        clock=CLOCK,
        emit=events.append,
    )
    device.start()
    try:
        yield device, events
    finally:
        device.stop()
        await device.wait_closed()
        scale.close()


async def until(claim):
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.005)


def weights(events):
    return [event.data["value"].value for event in events if event.name == "weight.read"]


@pytest.mark.usefixtures("asked_protocol")
class TestOnAPort:
    def test_a_scale_that_is_asked_gives_a_reading_for_each_question(self):
        async def scenario():
            scale = AskedScale(lambda _: [(0, ANSWER)])
            async with weighing(scale, poll=0.05) as (device, events):
                await until(lambda: len(weights(events)) >= 5)
                assert set(weights(events)) == {Decimal("12.34")}
                assert scale.asked.startswith(b"SI\r\nSI\r\n")
                assert scale.interrupted == 0
                assert device.counters.unanswered == 0

        run(scenario)

    def test_an_answer_longer_than_the_interval_is_never_talked_into(self):
        async def scenario():
            scale = AskedScale(lambda _: [(0, ANSWER * 4)])  # 80 ms at least
            async with weighing(scale, poll=0.02) as (_, events):
                await until(lambda: len(weights(events)) >= 16)
                assert scale.interrupted == 0

        run(scenario)

    def test_answers_that_are_late_or_doubled_are_weights_all_the_same(self, monkeypatch):
        monkeypatch.setattr(asking, "ANSWER_WITHIN_S", 0.1)

        async def scenario():
            pace = {1: [(0.15, b"    1.00\r\n")], 2: [(0, b"    2.00\r\n"), (0.01, b"    2.00\r\n")]}
            scale = AskedScale(lambda number: pace.get(number, [(0, ANSWER)]))
            async with weighing(scale, poll=0.05) as (device, events):
                await until(lambda: Decimal("12.34") in weights(events))
                assert [str(weight) for weight in weights(events)[:4]] == ["1.00", "2.00", "2.00", "12.34"]
                assert device.counters.rejected == 0
                assert device.counters.unanswered >= 1

        run(scenario)

    def test_a_scale_that_falls_silent_is_lost_and_back_when_it_answers_again(self, monkeypatch):
        monkeypatch.setattr(asking, "ANSWER_WITHIN_S", 0.05)

        async def scenario():
            quiet = threading.Event()
            scale = AskedScale(lambda _: [] if quiet.is_set() else [(0, ANSWER)])
            async with weighing(scale, poll=0.05, silent_after=0.2) as (device, events):
                await until(lambda: weights(events))
                quiet.set()
                await until(lambda: [event.name for event in events if event.name == "scale.lost"])
                assert device.counters.unanswered > 0
                quiet.clear()
                await until(lambda: events[-1].name == "weight.read")
                assert [event.name for event in events if event.name != "weight.read"] == ["scale.lost", "scale.back"]

        run(scenario)

    def test_a_device_that_is_set_to_send_by_itself_is_never_asked(self):
        async def scenario():
            scale = AskedScale(lambda _: [])
            async with weighing(scale, poll=0) as (_, events):
                await until(lambda: not scale.port.send(ANSWER) and weights(events))
                assert scale.asked == b""

        run(scenario)

    def test_a_silent_device_of_such_a_protocol_is_asked_without_a_word_in_site_yaml(self, monkeypatch):
        monkeypatch.setattr(asking, "LISTEN_S", 0.1)

        async def scenario():
            scale = AskedScale(lambda _: [(0, ANSWER)])
            async with weighing(scale) as (_, events):
                await until(lambda: len(weights(events)) >= 2)

        run(scenario)

    def test_one_that_sends_by_itself_is_left_to_it(self):
        async def scenario():
            scale = AskedScale(lambda _: [])
            async with weighing(scale) as (device, events):
                await until(lambda: device.counters.opens)  # what came before is thrown away
                for _ in range(5):
                    scale.port.send(ANSWER)
                    await asyncio.sleep(0.02)
                await until(lambda: len(weights(events)) == 5)
                assert scale.asked == b""

        run(scenario)


def test_a_protocol_that_is_never_asked_cannot_be_polled():
    with pytest.raises(EngineError, match="cas-22 device sends by itself and is not asked: leave 'poll' out"):
        DeviceSettings("COM3", ("cas-22",), poll=0.2)
    assert DeviceSettings("COM3", ("cas-22",), poll=0).make_asker() is None
