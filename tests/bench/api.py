"""The station's face at work: batches that run, clients that listen, and one that asks; the station is another process.

Latency is from the moment a step began or ended in its batch's process, which is before its record is durable, to the
moment a client has the message about it; both read the same wall clock. An event is the start or the end of a step.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from websockets.asyncio.client import connect

from tests.bench import machine
from tests.bench.report import Figure, Options, Report, Suite, percentile

CLIENTS: Final = 5
_ASKS: Final = ("/api/batches", "/api/batches/batch_0", "/api/results?limit=50", "/api/system/health")
_ASK_EVERY_S: Final = 0.05
_SAMPLE_S: Final = 1.0
_STARTS: Final = 5
_MIB: Final = 1 << 20
_SHARE: Final = 0.95
_WARM_UP_S: Final = 3.0  # imports, first pages: what is bought once
_STARTED_WITHIN_S: Final = 120.0
_TRUE: Final = 0.95  # of the load that is wanted has to be there
_VARIES: Final = 0.1  # of a step's period, up and down
_FLAT_MIB: Final = 5.0

_SEQUENCE: Final = """\
sequence: busy
version: 1.0.0
parameters: {pause: {type: duration, default: 40 ms}}
steps:
  - name: many
    repeat: {times: 100000}
    steps:
      - {name: pause, wait: "${parameters.pause}"}
"""


@dataclass(frozen=True, slots=True)
class _Load:
    batches: int
    events: int  # a second in each

    @property
    def period_s(self) -> float:
        """From step to step: each makes two events."""
        return 2 / self.events

    @property
    def title(self) -> str:
        return f"{self.batches} batches at {self.events} events/s"


class _Listeners:
    """The WebSocket clients, in a process of their own (``tests.bench.api_listeners``)."""

    async def begin(self, port: int) -> None:
        """Have them listen from now on."""
        command = (sys.executable, "-m", "tests.bench.api_listeners", str(port), str(CLIENTS))
        self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 30)

    async def end(self) -> dict[str, Any]:
        """What they have heard."""
        out, _ = await self._process.communicate(b"")  # nothing to say: ends its standard input
        heard: dict[str, Any] = json.loads(out)
        return heard


class _Station:
    """``engine station`` as a process, and a lean way to ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.process: asyncio.subprocess.Process

    @contextlib.asynccontextmanager
    async def running(self, batches: int) -> AsyncIterator[_Station]:
        self._write(batches)
        command = [sys.executable, "-m", "engine", "station", "--config", str(self.folder / "station.yaml")]
        self.process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, limit=1 << 22)
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(_STARTED_WITHIN_S):
                await self._until_ready(self.process.stdout)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_drain(self.process.stdout))
                yield self
                self.process.send_signal(signal.SIGTERM)
        except BaseException:
            self.process.terminate()
            raise
        finally:
            await self.process.wait()

    async def _until_ready(self, lines: asyncio.StreamReader) -> None:
        while b'"station.ready"' not in (line := await lines.readline()):
            if not line:
                raise RuntimeError("the station has ended while it began")
            fact = json.loads(line)
            if fact["event"] == "station.api.opened":
                self.port = int(fact["url"].rpartition(":")[2])

    def _write(self, batches: int) -> None:
        package = self.folder / "sequences" / "busy"
        package.mkdir(parents=True, exist_ok=True)
        (package / "sequence.yaml").write_text(_SEQUENCE, encoding="utf-8")
        lines = [f"  - {{id: batch_{n}, sequencePackage: busy, limits: {{heartbeat: 60 s}}}}" for n in range(batches)]
        text = "station: {id: bench}\nserver: {port: 0}\nbatches:\n" + "\n".join(lines) + "\n"
        (self.folder / "station.yaml").write_text(text, encoding="utf-8")

    @property
    def rss(self) -> float:
        """MiB of the master."""
        return psutil.Process(self.process.pid).memory_info().rss / _MIB

    @property
    def cpu(self) -> float:
        """Seconds of the master."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    async def ask(self, method: str, path: str, body: str = "") -> tuple[int, bytes]:
        """One request on a line of its own kept connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return await _exchange(reader, writer, method, path, body)
        finally:
            writer.close()
            await writer.wait_closed()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: str = ""
) -> tuple[int, bytes]:
    data = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
    writer.write((head + "Content-Type: application/json\r\n\r\n").encode() + data)
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    return int(lines[0].split()[1]), await reader.readexactly(length)


def run(options: Options) -> Report:
    """Measure what the station's API has to keep."""
    report = Report("api", f"Station's API: {CLIENTS} WebSocket clients and one that asks, {options.seconds:g} s each")
    report.notes.append(machine.describe())
    folder = Path(tempfile.mkdtemp(prefix="api-bench-"))
    try:
        for load in (_Load(10, 50), _Load(50, 10)):
            place = folder / str(load.batches)
            place.mkdir()
            asyncio.run(_measure(place, load, options, report))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


async def _measure(folder: Path, load: _Load, options: Options, report: Report) -> None:
    options.tell(f"{load.title} ...")
    async with _Station(folder).running(load.batches) as station:
        if load.batches == 10:
            async with asyncio.timeout(_STARTED_WITHIN_S):
                await _first_steps(station, report)
        async with asyncio.timeout(_STARTED_WITHIN_S):
            await _load_on(station, load)
        listeners, asked = _Listeners(), list[float]()
        await listeners.begin(station.port)
        asking = asyncio.create_task(_ask(station, asked, report))
        stolen = machine.Stolen()
        memory, cpu = await _watch(station, options.seconds)
        report.notes.append(f"{load.title}: {stolen.describe()}")
        asking.cancel()
        heard = await listeners.end()
        await asyncio.gather(asking, return_exceptions=True)
    _tell(load, heard, asked, memory, cpu, options.seconds, report)


async def _load_on(station: _Station, load: _Load) -> None:
    """Have the batches work at the rate that is wanted: a step takes more than its pause, which is found out first."""
    await _start_all(station, load, load.period_s)
    await asyncio.sleep(_WARM_UP_S)
    before, began = await _steps(station), time.monotonic()
    await asyncio.sleep(_WARM_UP_S)
    took = load.batches * (time.monotonic() - began) / max(1, await _steps(station) - before)
    await _start_all(station, load, max(0.0, 2 * load.period_s - took))
    await asyncio.sleep(_WARM_UP_S)


async def _steps(station: _Station) -> int:
    """How many steps have begun in all batches."""
    _, said = await station.ask("GET", "/api/batches")
    return sum(one.get("stepIndex") or 0 for one in json.loads(said))


async def _start_all(station: _Station, load: _Load, pause_s: float) -> None:
    async def start(number: int) -> None:
        # No two units under test take equally long. Batches that do would come to act in one breath, all at once:
        # records that wait together are committed together, and answered together.
        longer_s = _VARIES * load.period_s * (2 * (number + 0.5) / load.batches - 1)
        body = json.dumps({"parameters": {"pause": f"{1000 * max(0.0, pause_s + longer_s):.3f} ms"}})
        batch = f"/api/batches/batch_{number}"
        await station.ask("POST", f"{batch}/start")  # or it is started already
        await station.ask("POST", f"{batch}/sequence/stop")  # or nothing runs
        status, said = 409, b""
        while status == 409:  # until the run before is over
            status, said = await station.ask("POST", f"{batch}/sequence/start", body)
        if status != 200:
            raise RuntimeError(said.decode())

    await asyncio.gather(*(start(number) for number in range(load.batches)))


async def _first_steps(station: _Station, report: Report) -> None:
    """From the order to start a batch to its first step on a client's screen."""
    took = []
    for _ in range(_STARTS):
        async with connect(f"ws://127.0.0.1:{station.port}/ws") as socket:
            await socket.send('{"type": "subscribe", "batch_ids": ["batch_0"]}')
            await socket.recv()
            began = time.perf_counter()
            await station.ask("POST", "/api/batches/batch_0/start")
            await station.ask("POST", "/api/batches/batch_0/sequence/start")
            while json.loads(await socket.recv())["type"] != "step_start":
                pass
            took.append(time.perf_counter() - began)
        await station.ask("POST", "/api/batches/batch_0/stop")
    report.figures += [
        Figure("from starting a batch to its first step's event", statistics.median(took), "s", limit=0.6, places=2,
               note="requirements: 3 s"),
        Figure("  at best", min(took), "s", places=2),
    ]  # fmt: skip


async def _ask(station: _Station, asked: list[float], report: Report) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
    try:
        while True:
            for path in _ASKS:
                began = time.perf_counter()
                status, _ = await _exchange(reader, writer, "GET", path)
                asked.append(time.perf_counter() - began)
                if status != 200:
                    report.failures.append(f"{path} was answered with {status}")
                    return
                await asyncio.sleep(_ASK_EVERY_S)
    finally:
        writer.close()


async def _watch(station: _Station, seconds: float) -> tuple[list[float], float]:
    memory, cpu = [], station.cpu
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(_SAMPLE_S)
        memory.append(station.rss)
    return memory, station.cpu - cpu


def _tell(
    load: _Load,
    heard: dict[str, Any],
    asked: list[float],
    memory: list[float],
    cpu: float,
    seconds: float,
    report: Report,
) -> None:
    latencies = [one for client in heard["clients"] for one in client["latencies"]]
    missed = sum(client["missed"] for client in heard["clients"]) + heard["dropped"]
    rate = len(latencies) / CLIENTS / heard["seconds"] / load.batches
    third = max(1, len(memory) // 3)
    growth = statistics.mean(memory[-third:]) - statistics.mean(memory[:third])
    report.figures += [
        Figure(f"{load.title}: the API answers, p95", _ms(asked), "ms", limit=15.0, note="requirements: 100 ms"),
        Figure("  from a worker to a client, p95", _ms(latencies), "ms", limit=20.0, note="requirements: 50 ms"),
        Figure("  the same, median", statistics.median(latencies) * 1000 if latencies else math.nan, "ms"),
        Figure("  messages that a reading client missed", missed, "", limit=0, places=0),
        Figure("  events a second that each batch made", rate, "/s", least=load.events * _TRUE),
        Figure("  memory of the master", max(memory), "MiB", limit=150.0),
        Figure("  it grew by", growth, "MiB", limit=_FLAT_MIB),
        Figure("  processor of the master", 100 * cpu / seconds, "%"),
    ]
    report.notes.append(
        f"the clients took {100 * heard['cpu'] / heard['seconds']:.0f} % of a core, none of it within the station's"
    )
    report.notes.append(f"load after {load.title}: {os.getloadavg()[0]:.1f}")


def _ms(values: list[float]) -> float:
    return percentile(values, _SHARE) * 1000


SUITE: Final = Suite("api", "the station's API under load: latency, memory, and that nothing is missed", run)
