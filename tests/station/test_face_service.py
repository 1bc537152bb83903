"""``engine station`` whole, as a process with real workers: the operator's guide, two clients at once, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from engine.sim import faults
from engine.sim.server import ReferenceServer
from tests.station.face_kit import run

FILE = """\
station: {{id: line-1}}
server: {{port: {port}}}
backend: {{url: "{backend}", api_key: "${{BACKEND_KEY}}", interval: 200 ms}}
batches:
  - {{id: batch_1, sequencePackage: power_board, simulate: true, autoStart: true}}
  - {{id: batch_2, sequencePackage: power_board, simulate: true}}
"""


@dataclass
class Running:
    """The process, and what it has logged."""

    folder: Path
    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def logged(self, event: str) -> dict[str, Any]:
        """Read the log on to an event."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"it ended without '{event}': {self.lines[-5:]}")

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))
        await self.process.wait()

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@asynccontextmanager
async def started(folder: Path, backend: str, port: int = 0) -> AsyncIterator[Running]:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - before anything runs
    (folder / "station.yaml").write_text(FILE.format(backend=backend, port=port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "station", "--config", str(folder / "station.yaml"),
        stdout=subprocess.PIPE, env={**os.environ, "BACKEND_KEY": "a-key-of-the-backend"}, limit=1 << 20,
    )  # fmt: skip
    running = Running(folder, process)
    try:
        running.url = (await running.logged("station.api.opened"))["url"]
        await running.logged("station.ready")
        yield running
    finally:
        await running.stop()


async def until(ask: Callable[[], Any]) -> Any:
    """What a question comes to once the answer is something."""
    while not (answer := await ask()):  # noqa: ASYNC110 - another process has no events for us
        await asyncio.sleep(0.05)
    return answer


async def shell(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def client(station: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=station.url, timeout=30)


async def status(http: httpx.AsyncClient, batch_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await http.get(f"/api/batches/{batch_id}")).json()
    return answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide uses curl")
def test_the_commands_of_the_operators_guide_work_as_they_are_written(tmp_path: Path) -> None:
    """Requirements 6.2 to 6.4: health, the crash of a batch, the queue that does not empty, the backup."""

    async def scenario() -> None:
        async with ReferenceServer() as backend:
            # It also says when to come again, so that nothing but the operator's order sends the result.
            backend.faults.add(faults.status(503, retry_after="3600"), on="results", times=None)
            async with started(tmp_path / "station", backend.url) as station, client(station) as http:
                database = station.folder / "data" / "station.db"
                curl = ("curl", "-sS", "--fail-with-body")

                async def health() -> Any:
                    body = json.loads(await shell(*curl, f"{station.url}/api/system/health"))
                    return body if body["backend_connected"] else None

                assert (await until(health))["batches"] == {"running": 1, "idle": 1}
                assert json.loads(await shell(*curl, f"{backend.url}/api/health")) == {"status": "ok"}

                # A run that crashes: its step asks a question, and its process is killed.
                started_ = await shell(*curl, "-X", "POST", f"{station.url}/api/batches/batch_1/sequence/start")
                execution = json.loads(started_)["executionId"]
                before = await until(lambda: asking(http, "batch_1"))
                os.kill(before["pid"], signal.SIGKILL)
                await until(lambda: crashed(http, "batch_1"))
                log = station.folder / "data" / "logs" / "station.log"
                assert "station.worker.died" in await shell("sh", "-c", f"tail -100 '{log}' | grep -i error")
                begun = json.loads(await shell(*curl, "-X", "POST", f"{station.url}/api/batches/batch_1/start"))
                assert begun["status"] == "running"
                assert begun["pid"] != before["pid"]
                listed = (await shell("sh", "-c", "ps aux | grep batch")).splitlines()
                assert [one for one in listed if one.split()[1] == str(begun["pid"]) and "batch:batch_1" in one]
                assert str(station.process.pid) in await shell("sh", "-c", "unset COLUMNS; ps aux | grep station")
                result = (await http.get(f"/api/results/{execution}")).json()
                assert (result["status"], result["isInterrupted"]) == ("failed", True)
                assert [one["name"] for one in result["steps"] if one["isCleanup"]] == ["power_off"]

                # The backend does not take it: it waits, with the reason, and goes when it is told to.
                query = "SELECT * FROM sync_queue ORDER BY created_at DESC LIMIT 10;"

                async def queued() -> Any:
                    if shutil.which("sqlite3") is not None:
                        found = (await shell("sqlite3", str(database), query)).strip()
                    else:
                        with closing(sqlite3.connect(database)) as reader:
                            found = "|".join(map(str, reader.execute(query).fetchone() or ()))
                    return found if "503" in found else None

                assert execution in await until(queued)
                if shutil.which("sqlite3") is not None:
                    copy = tmp_path / "backup.db"
                    await shell("sqlite3", str(database), f".backup '{copy}'")
                    with closing(sqlite3.connect(copy)) as reader:
                        assert reader.execute("SELECT count(*) FROM executions").fetchone() == (1,)
                        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                backend.faults.clear()
                synced = json.loads(await shell(*curl, "-X", "POST", f"{station.url}/api/system/sync"))
                assert synced == {"sent": 1, "waiting": 0, "parked": 0, "error": None}
                assert list(backend.results.rows) == [execution]

    run(scenario(), 90)


async def asking(http: httpx.AsyncClient, batch_id: str) -> Any:
    now = await status(http, batch_id)
    return now if now["prompts"] else None


async def crashed(http: httpx.AsyncClient, batch_id: str) -> Any:
    now = await status(http, batch_id)
    return now if now["status"] == "error" and not now["owesCleanup"] else None


def test_its_end_stops_what_runs_through_its_cleanup_and_sends_the_last_results_before_it_closes(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with ReferenceServer() as backend:
            async with started(tmp_path / "station", backend.url) as station, client(station) as http:
                started_ = await http.post("/api/batches/batch_1/sequence/start", json={"serial": "SN-1"})
                await until(lambda: asking(http, "batch_1"))
                async with connect(station.url.replace("http", "ws") + "/ws") as socket:
                    await socket.send('{"type": "subscribe", "batch_ids": ["batch_1"]}')
                    assert json.loads(await socket.recv())["type"] == "snapshot"
                    assert json.loads(await socket.recv())["type"] == "prompt"
                    station.process.send_signal(signal.SIGTERM)
                    heard = []
                    with contextlib.suppress(ConnectionClosed):
                        while True:
                            heard.append(json.loads(await socket.recv()))
                    assert socket.close_code == 1012
            types = [one["type"] for one in heard]
            assert "sequence_complete" in types
            assert heard[-1]["data"]["status"] in {"stopping", "idle"}
            complete = next(one for one in heard if one["type"] == "sequence_complete")
            assert complete["data"]["overallPass"] is False
            assert [one["name"] for one in complete["data"]["steps"] if one["isCleanup"]] == ["power_off"]
            (sent,) = backend.results.rows.values()
            assert (sent["id"], sent["status"]) == (started_.json()["executionId"], "stopped")
            assert station.process.returncode == 0
            order = [
                "station.stopping", "station.worker.ended", "station.sync.flushed", "station.api.closed",
                "station.master.ended",
            ]  # fmt: skip
            assert [event for event in station.events if event in order] == order

    run(scenario(), 90)


def test_two_clients_at_once_start_one_run_and_a_restart_is_found_by_both(tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "station"
        async with started(folder, "http://127.0.0.1:1") as station, client(station) as one, client(station) as two:
            url = "/api/batches/batch_1/sequence/start"
            answers = await asyncio.gather(one.post(url), two.post(url))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            assert (await two.get("/api/results")).json()["total"] == 1
            wrong = await one.post("/api/batches/batch_1/manual", json={"hardware": "psu", "command": "on"})
            assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong-state")
            await one.post("/api/batches/batch_2/start")
            url = "/api/batches/batch_2/sequence/start"
            wrong = await two.post(url, json={"parameters": {"vin": 99, "vout": 1}})
            assert wrong.status_code == 422
            assert {"parameters.vin", "parameters.vout"} <= {found["field"] for found in wrong.json()["errors"]}
            manual = await two.post(
                "/api/batches/batch_2/manual",
                json={"hardware": "psu", "command": "on", "params": {"voltage": 5, "current": 1}},
            )
            assert manual.json()["success"] is True
            wrong = await two.post("/api/batches/batch_2/manual", json={"hardware": "psu", "command": "explode"})
            assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "command")
            port = int(station.url.rpartition(":")[2])
        async with started(folder, "http://127.0.0.1:1", port) as station, client(station) as one:
            kept = (await one.get("/api/results")).json()
            assert (kept["total"], kept["items"][0]["status"]) == (1, "stopped")
            assert (await one.get("/api/system/health")).json()["queueDepth"] == 1

    run(scenario(), 90)
