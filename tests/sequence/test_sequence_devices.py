"""The engine's own devices as drivers, on a real pseudo-terminal."""

import asyncio
import os

import pytest

from engine.errors import EngineError
from engine.sequence.bench import Bench
from engine.sequence.package import load_package
from engine.service.sequence_devices import open_device

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")


async def speak(line, frames):
    """A scale that shows one frame after the other, the last one for ever."""
    while True:
        for frame in frames:
            os.write(line, frame)
            await asyncio.sleep(0.02)
        frames = frames[-1:]


def test_a_scale_on_its_port_is_a_driver():
    package = load_package("scale_check")

    async def scenario():
        line, other = os.openpty()
        bench = Bench(package.hardware, config={"dmm": {"port": os.ttyname(other)}}, devices=open_device)
        speaking = asyncio.ensure_future(speak(line, [b"S D     0.7000 kg\r\n"] * 3 + [b"S S     1.0001 kg\r\n"]))
        try:
            return await asyncio.wait_for(bench.call("dmm", "read", {}), 20)
        finally:
            await bench.close()
            speaking.cancel()
            os.close(line)
            os.close(other)

    assert str(asyncio.run(scenario())) == "1.0001 kg"


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("scale", {"protocol": "mt-sics"}, "needs 'port'"),
        ("scale", {"port": "COM3"}, "needs 'protocol'"),
        ("scale", {"port": "COM3", "protocol": "mt-sics", "baudrat": 9600}, "did you mean 'baudrate'"),
        ("reader", {"port": "COM3", "protocol": "mt-sics"}, "is no reader"),
        ("scale", {"port": "COM3", "protocol": "mt-sisc"}, "mt-sisc"),
    ],
)
def test_a_configuration_that_describes_no_such_device_is_refused(kind, config, said):
    async def scenario():
        with pytest.raises(EngineError, match=said):
            open_device(kind, "dmm", config)

    asyncio.run(scenario())
