"""A scale that is pulled out and plugged in again, at the pace that a hall has."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import pytest
from device_support import CLOCK, Socket, run, serial_threads
from structlog.testing import capture_logs

from engine.devices.device import SerialDevice
from engine.devices.settings import DeviceSettings
from parsers.frames import cas22_frame

BACK_WITHIN_S = 2.0
FRAME = cas22_frame(Decimal("13.5"), "kg", stable=True)


@pytest.mark.parametrize("times", [3, pytest.param(500, marks=pytest.mark.torture)])
def test_each_time_there_are_readings_again_within_two_seconds_and_the_chart_is_told(tmp_path, times):
    late = []

    async def scenario():
        events, changed = [], asyncio.Event()

        def emit(event):
            events.append(event.name)
            changed.set()

        async def until(name):
            async with asyncio.timeout(10):
                while name not in events:
                    changed.clear()
                    await changed.wait()

        port = Socket(tmp_path)
        plugged = port.plug_in()
        device = SerialDevice(
            "dock-1/scale",
            DeviceSettings(str(port.path), ("cas-22",)),
            loop=asyncio.get_running_loop(),
            clock=CLOCK,
            emit=emit,
        )
        device.start()
        for _ in range(times):
            sending = asyncio.create_task(send(plugged))
            await until("weight.read")
            sending.cancel()
            events.clear()
            port.unplug(plugged)
            await until("scale.lost")
            events.clear()
            plugged = port.plug_in()
            began = time.monotonic()
            sending = asyncio.create_task(send(plugged))
            await until("weight.read")
            late.append(time.monotonic() - began)
            sending.cancel()
            assert events[0] == "scale.back"
            assert serial_threads() == ["serial-dock-1/scale"]
        device.stop()
        await device.wait_closed()
        port.unplug(plugged)

    with capture_logs() as logs:
        run(scenario, within=5 + times * BACK_WITHIN_S)
    assert max(late) < BACK_WITHIN_S
    told = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert told == ["serial.link.opened", *["serial.link.lost", "serial.link.opened"] * times]


async def send(plugged):
    while True:
        plugged.send(FRAME)
        await asyncio.sleep(0.02)
