"""A whole hall: its operators wait for the gateway, the same seed gives the same bytes, and its lines are real ones."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
import serial
from hall_kit import MemoryWire, committed_at_once, parse, virtually

from engine.clock import SystemClock
from engine.sim.boxes import Box
from engine.sim.hall import Hall
from engine.sim.transport import Transport
from engine.testing.loop import VirtualLoop
from parsers import CardReading, WeightReading, make_parser


def bytes_of_a_run(seed: int, lines: int = 2, boxes: int = 4) -> tuple[list[Box], list[MemoryWire]]:
    async def scenario(loop: VirtualLoop) -> tuple[list[Box], list[MemoryWire]]:
        wires: list[MemoryWire] = []

        async def open_wire() -> MemoryWire:
            wires.append(MemoryWire(f"memory-{len(wires)}", loop.clock))
            return wires[-1]

        async def committed(_: Box) -> None:
            await asyncio.sleep(2.5)

        async with Hall(lines=lines, seed=seed, clock=loop.clock, open_wire=open_wire) as hall:
            assert await hall.run_boxes(boxes, committed) == []
            return hall.truth, wires

    found: tuple[list[Box], list[MemoryWire]] = virtually(scenario)
    return found


def test_the_same_seed_gives_the_same_boxes_and_the_same_bytes() -> None:
    first, second, other = bytes_of_a_run(seed=5), bytes_of_a_run(seed=5), bytes_of_a_run(seed=6)
    assert first[0] == second[0]
    assert [wire.data for wire in first[1]] == [wire.data for wire in second[1]]
    assert first[0] != other[0]
    assert all(wire.data != stranger.data for wire, stranger in zip(first[1], other[1], strict=True))


def test_what_the_parsers_read_is_the_truth() -> None:
    truth, (scale, reader) = bytes_of_a_run(seed=3, lines=1, boxes=5)
    cards = [r.uid for r in parse("rdm6300", bytes(reader.data)) if isinstance(r, CardReading)]
    assert list(dict.fromkeys(cards)) == [box.card for box in truth]
    whole_frames = bytes(scale.data[: len(scale.data) // 22 * 22])  # the hall ended in the middle of one
    resting = [
        r.value
        for r in parse("cas-22", whole_frames)
        if isinstance(r, WeightReading) and r.is_stable and r.value is not None and r.value > 1
    ]
    assert list(dict.fromkeys(resting)) == [box.weight for box in truth]


def test_a_frame_takes_its_time_on_the_line() -> None:
    _, (scale, _reader) = bytes_of_a_run(seed=3, lines=1, boxes=1)
    frame_times = [scale.times[start : start + 22] for start in range(0, len(scale.times) - 22, 22)]
    durations = [times[-1] - times[0] for times in frame_times]
    assert max(durations) <= 22 * 10 / 19200 + 0.004
    assert sum(durations) / len(durations) > 0.005  # not all at once
    seconds = scale.times[-1] - scale.times[0]
    assert len(frame_times) / seconds == pytest.approx(50, rel=0.02)


def test_boxes_are_dealt_evenly_to_the_lines() -> None:
    truth, _ = bytes_of_a_run(seed=1, lines=3, boxes=7)
    assert [[box.line for box in truth].count(f"dock-{n}") for n in (1, 2, 3)] == [3, 2, 2]


def test_an_operator_lifts_a_box_only_when_its_record_is_committed_and_waits_for_the_empty_scale() -> None:
    async def scenario(loop: VirtualLoop) -> None:
        committed_at: list[float] = []

        async def committed(_: Box) -> None:
            await asyncio.sleep(4.0)
            committed_at.append(loop.time())

        async def open_wire() -> MemoryWire:
            return MemoryWire()

        async with Hall(clock=loop.clock, open_wire=open_wire) as hall:
            running = asyncio.create_task(hall.run_boxes(2, committed))
            while not committed_at:
                assert len(hall.placed) < 2
                await asyncio.sleep(0.05)
            scale = hall.lines[0].scale
            assert scale.display(loop.time()).weight == hall.truth[0].weight
            while len(hall.placed) < 2:
                shown = scale.display(loop.time())
                await asyncio.sleep(0.05)
            assert abs(shown.weight) <= scale.division
            await running

    virtually(scenario)


def test_a_box_that_is_not_committed_in_time_is_told_and_ends_its_line() -> None:
    async def scenario(loop: VirtualLoop) -> tuple[list[Box], list[Box]]:
        async def committed(box: Box) -> None:
            if box.line == "dock-1" and box.number == 2:
                await asyncio.Event().wait()

        async def open_wire() -> MemoryWire:
            return MemoryWire()

        async with Hall(lines=2, clock=loop.clock, open_wire=open_wire, patience=15.0) as hall:
            return await hall.run_boxes(6, committed), hall.truth

    missed, truth = virtually(scenario)
    assert [(box.line, box.number) for box in missed] == [("dock-1", 2)]
    assert [box.number for box in truth if box.line == "dock-1"] == [1, 2]
    assert [box.number for box in truth if box.line == "dock-2"] == [1, 2, 3]


def test_running_for_a_time_finishes_the_box_under_way() -> None:
    async def scenario(loop: VirtualLoop) -> None:
        async def open_wire() -> MemoryWire:
            return MemoryWire()

        async with Hall(clock=loop.clock, open_wire=open_wire) as hall:
            assert await hall.run_for(10.0, committed_at_once) == []
            assert loop.time() >= 10.0
            assert hall.lines[0].scale.display(loop.time()).is_stable
            assert len(hall.truth) > 3

    virtually(scenario)


@pytest.mark.parametrize("transport", ["pty", "socket"])
def test_frames_come_over_a_real_line_at_their_pace(transport: Transport) -> None:
    async def scenario() -> tuple[list[Any], float]:
        async with Hall(transport=transport, clock=SystemClock()) as hall:
            port = hall.lines[0].scale_uart.endpoint.port
            return await asyncio.to_thread(read_scale, port, 1.5)

    weights, seconds = asyncio.run(scenario())
    assert len(weights) / seconds == pytest.approx(50, rel=0.1)


def read_scale(port: str, seconds: float) -> tuple[list[Any], float]:
    """The readings after the first one, and the time that they took."""
    parser = make_parser("cas-22")
    with serial.serial_for_url(port, baudrate=19200, timeout=0.5) as line:
        while not parser.feed(line.read(1)):
            pass
        started, found = time.monotonic(), []
        while time.monotonic() - started < seconds:
            found += parser.feed(line.read(11))
        return found, time.monotonic() - started


def test_a_port_that_nobody_read_gives_no_old_and_no_torn_frames() -> None:
    async def scenario() -> None:
        async with Hall(transport="pty") as hall:
            uart = hall.lines[0].scale_uart
            while not uart.endpoint.is_full():
                uart.endpoint.write(b"x" * 21 + b"\n")
            await asyncio.sleep(0.1)
            assert uart.dropped
            port = uart.endpoint.port
            weights, _ = await asyncio.to_thread(read_scale, port, 0.2)
            assert weights
            assert b"x" not in b"".join(weight.raw for weight in weights)

    asyncio.run(scenario())


def test_a_second_program_is_turned_away_from_a_socket_line() -> None:
    async def scenario() -> None:
        async with Hall(transport="socket") as hall:
            host, port = hall.lines[0].scale_uart.endpoint.port.removeprefix("socket://").split(":")
            with (
                socket.create_connection((host, int(port)), 2) as first,
                socket.create_connection((host, int(port)), 2) as second,
            ):
                assert await asyncio.to_thread(first.recv, 1)
                assert await asyncio.to_thread(second.recv, 1) == b""

    asyncio.run(scenario())


def test_its_site_file_is_one_that_the_service_takes(tmp_path: Any) -> None:
    from engine.service.config import load_site

    async def scenario() -> None:
        async with Hall(lines=3) as hall:
            path = tmp_path / "site.yaml"
            path.write_text(hall.site_yaml("http://127.0.0.1:8000"), encoding="utf-8")
            site = load_site(path, {})
            assert [line.name for line in site.lines] == ["dock-1", "dock-2", "dock-3"]
            assert {device.port for line in site.lines for device in line.devices.values()} == hall.ports

    asyncio.run(scenario())
