"""Cables that are pulled, ports that are not there, and rubbish: the line comes back, and the others never notice."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path

import psutil
from process_kit import Service, run, scene, until

from engine.sim.hall import Hall
from engine.sim.transport import Endpoint, PtyEndpoint, open_endpoint

A, B = "0100000001", "0200000001"
BACK_WITHIN_S = 2.0
MOST_OF_A_CORE = 0.5  # it takes 0.1 on an idle machine; without a bound it would be all of it


class UsbCable:
    """A serial port whose device comes and goes under one name, as ``/dev/ttyUSB0`` does."""

    def __init__(self, port: Path) -> None:
        self.port = str(port)
        self._name = port
        self._inner: PtyEndpoint | None = None

    def plug(self) -> None:
        self._inner = PtyEndpoint()
        self._name.symlink_to(self._inner.port)

    def unplug(self) -> None:
        if self._inner is not None:
            self._name.unlink()
            self._inner.close()
            self._inner = None

    close = unplug

    def is_full(self) -> bool:
        return self._inner is not None and self._inner.is_full()

    def write(self, data: bytes) -> int:
        return len(data) if self._inner is None else self._inner.write(data)


def test_a_scale_that_is_missing_at_first_and_pulled_while_measuring_weighs_each_box_once(tmp_path: Path) -> None:
    cable = UsbCable(tmp_path / "ttyUSB0")
    ends: list[Endpoint] = [cable]  # the scale's; the reader's is a plain one

    async def open_wire() -> Endpoint:
        return ends.pop() if ends else await open_endpoint("pty")

    async def scenario() -> None:
        async with scene(tmp_path, hall=Hall(open_wire=open_wire)) as hall:
            hall.write_site(replace=[("stable_for: 200 ms", "stable_for: 1 s")])
            service = hall.start()
            await service.wait_for("serial.port.still_closed", 3, device="dock-1/scale")
            (warning,) = service.seen("serial.port.not_found", device="dock-1/scale")
            assert warning["port"] == cable.port
            assert warning["level"] == "warning"

            await _plug(cable, service, times=1)
            scale = hall.hall.lines[0].scale_uart
            sent_before = scale.sent
            await until("a few readings", lambda: scale.sent >= sent_before + 5)
            hall.put(A, "12.345")
            await service.wait_state("measuring")
            cable.unplug()
            await service.wait_for("serial.link.lost", device="dock-1/scale")
            await service.wait_for("line.signal.shown", pattern="failed")
            await service.wait_for("serial.port.still_closed", 4, device="dock-1/scale")
            assert len(service.seen("serial.link.lost")) == 1
            assert len(service.seen("serial.port.not_found")) == 1, "the outage was told already"
            assert hall.boxes.pop().card == A, "what was being weighed is no record"

            await _plug(cable, service, times=2)
            hall.put(B, "12.345")
            await service.wait_for("weighing.record.committed")
            hall.lift()
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


async def _plug(cable: UsbCable, service: Service, *, times: int) -> None:
    cable.plug()
    plugged = time.monotonic()
    await service.wait_for("serial.link.opened", times, device="dock-1/scale")
    assert time.monotonic() - plugged < BACK_WITHIN_S


def test_rubbish_at_full_speed_on_one_line_does_not_keep_the_other_from_weighing_and_is_forgotten(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with scene(tmp_path, lines=2) as hall:
            service = hall.start()
            await service.wait_at_work(lines=2)
            noise = asyncio.create_task(_fill(hall.hall.lines[0].scale_uart.endpoint))
            process = psutil.Process(service.pid)
            used, since = _cpu(process), time.monotonic()
            await hall.weigh(service, B, "7.89", line=1)
            await service.wait_for("device.frames.not_found", device="dock-1/scale")
            await hall.weigh(service, "0200000002", "3.21", line=1)
            share = (_cpu(process) - used) / (time.monotonic() - since)
            assert share < MOST_OF_A_CORE
            assert len(service.seen("device.frames.not_found")) == 1
            noise.cancel()
            await hall.weigh(service, A, "12.345", line=0)
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def _fill(endpoint: Endpoint) -> None:
    """As many random bytes as the line takes."""
    rng = random.Random(1)
    while True:
        with suppress(BlockingIOError):
            while endpoint.write(rng.randbytes(4096)):
                pass
        await asyncio.sleep(0.002)
