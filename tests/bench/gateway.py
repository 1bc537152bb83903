"""The gateway at work: four lines, each a scale at 50 Hz and a reader; hall and server run in another process.

Process CPU time hardly changes when other programs keep the machine busy (a busy sibling core slows it somewhat); the
wall-clock figures, latencies and start, do. How long the service's threads were kept from a core is told beside them.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.bench import machine
from tests.bench.processes import Fact, RunFailedError, Service, Usage, environment, hall, seconds_of, service
from tests.bench.report import Figure, Options, Report, Suite, percentile

LINES: Final = 4
_WARM_UP_S: Final = 5.0  # registration, approval, first boxes: what is bought once
_SAMPLE_S: Final = 0.5
_SPARE_S: Final = 5.0  # the hall goes on a little longer than is measured
_STARTS: Final = 5
_IDLE: Final = frozenset({"ready", "occupied", "rechecking"})  # the states inside IDLE
_HELPS: Final = 10
_LONG_S: Final = 600.0
_MIB: Final = 1 << 20
_FLAT_MIB: Final = 1.0


def run(options: Options) -> Report:
    """Measure everything that the gateway has to keep."""
    report = Report("gateway", f"Gateway: {LINES} lines of a 50 Hz scale and a reader, {options.seconds:g} s")
    report.notes.append(machine.describe())
    folder = Path(tempfile.mkdtemp(prefix="engine-bench-"))
    try:
        options.tell(f"starting {_STARTS} times with a token ...")
        _start_again(folder, report)
        options.tell(f"weighing on {LINES} lines for {options.seconds:g} s ...")
        _weigh(folder, options.seconds, report)
        options.tell("engine --help ...")
        _help(report)
    except RunFailedError as error:
        report.failures.append(str(error))
    if report.failures:
        report.notes.append(f"what the processes left is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return report


SUITE: Final = Suite("gateway", "CPU, memory, latencies and start of the gateway service", run)


# Starting -------------------------------------------------------------------------------------------------------------


def _start_again(folder: Path, report: Report) -> None:
    """On a database with a token, in a hall that is at work."""
    walls: list[float] = []
    used: list[Usage] = []
    with hall(folder, lines=LINES, seconds=_LONG_S):
        site = folder / "site.yaml"
        site.write_text(site.read_text("utf-8").replace("level: info", "level: debug"), "utf-8")  # tells the states
        with service(site, folder / "register.jsonl") as gateway:
            gateway.wait_for("an approval", _has("gateway.approval.stored"), within=30)
            gateway.stop()
        for number in range(_STARTS):
            with service(site, folder / f"start-{number}.jsonl") as gateway:
                gateway.wait_for("all lines idle", lambda facts: len(_idle_lines(facts)) == LINES, within=30)
                used.append(gateway.usage())
                walls.append(max(_idle_lines(gateway.facts()).values()) - gateway.spawned_at)
                gateway.stop()
    cpu, queued = (statistics.median(values) for values in zip(*((u.cpu_s, u.queued_s) for u in used), strict=True))
    note = f"median of {_STARTS}, best {min(walls):.2f} s; {cpu:.2f} s of CPU, {queued:.2f} s queued for a core"
    report.figures.append(Figure("start with a token to all lines idle", statistics.median(walls), "s", 1.5, note, 2))


def _idle_lines(facts: list[Fact]) -> dict[str, float]:
    """The lines that are in IDLE, whatever their scale shows, and since when."""
    idle: dict[str, float] = {}
    for fact in facts:
        if fact["event"] == "machine.state.changed" and fact["after"] in _IDLE:
            idle.setdefault(fact["machine"], seconds_of(fact))
    return idle


def _help(report: Report) -> None:
    command = _console_script()
    walls, cpus = [], []
    for _ in range(_HELPS):
        before, started = os.times(), time.monotonic()
        ended = subprocess.run(
            [*command, "--help"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
        walls.append(time.monotonic() - started)
        after = os.times()
        cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
        if ended.returncode:
            raise RunFailedError(f"engine --help ended with {ended.returncode}: {ended.stderr.decode()}")
    note = f"median of {_HELPS}, best {min(walls):.2f} s; {statistics.median(cpus):.2f} s of CPU"
    report.figures.append(Figure("engine --help", statistics.median(walls), "s", 0.3, note, 2))


def _console_script() -> list[str]:
    script = Path(sys.executable).with_name("engine")
    return [str(script)] if script.exists() else [sys.executable, "-m", "engine"]


# At work --------------------------------------------------------------------------------------------------------------


def _weigh(folder: Path, seconds: float, report: Report) -> None:
    folder = folder / "weighing"
    folder.mkdir()
    with (
        hall(folder, lines=LINES, seconds=_WARM_UP_S + seconds + _SPARE_S) as running,
        service(folder / "site.yaml", folder / "weighing.jsonl") as gateway,
    ):
        gateway.wait_for("the first record", _has("upload.record.delivered"), within=30)
        time.sleep(_WARM_UP_S)
        samples = _sample(gateway, seconds)
        out, complaints = running.communicate()
        truth: Fact = json.loads(out.splitlines()[-1])
        gateway.wait_for("everything delivered", lambda facts: _outbox(facts) == 0, within=10)
        stopped_in = gateway.stop()
        facts = gateway.facts()
    if complaints:
        report.failures.append(f"the hall complained: {complaints.strip()}")
    _judge(folder, truth, report)
    _report_usage(samples, report)
    _report_latencies([fact for fact in facts if fact.get("monotonic", 0.0) >= samples[0].at], truth, report)
    report.figures.append(Figure("SIGTERM to the end", stopped_in, "s", 2.0, "", 2))


def _sample(gateway: Service, seconds: float) -> list[Usage]:
    """The first and the last moment of the steady time, and some between."""
    samples = [gateway.usage()]
    end = samples[0].at + seconds
    while samples[-1].at < end:
        time.sleep(_SAMPLE_S)
        samples.append(gateway.usage())
    return samples


def _report_usage(samples: list[Usage], report: Report) -> None:
    first, last = samples[0], samples[-1]
    wall, cpu = last.at - first.at, last.cpu_s - first.cpu_s
    tenth = max(1, len(samples) // 10)
    rss = [sample.rss / _MIB for sample in samples]
    start, end = statistics.median(rss[:tenth]), statistics.median(rss[-tenth:])
    wakes = (last.switches - first.switches) / wall
    queued = 100 * (last.queued_s - first.queued_s) / wall
    report.figures += [
        Figure("CPU of one core", 100 * cpu / wall, "%", 12.0, f"{cpu:.2f} s of CPU in {wall:.0f} s"),
        Figure("queued for a core", queued, "%", None, "where it is much, the machine is busy with other things"),
        Figure("wake-ups", wakes, "/s", None, "voluntary context switches of all threads", 0),
        Figure("RSS, most", max(rss), "MB", 90.0, f"{start:.1f} MB at first, {end:.1f} MB at last"),
        Figure("RSS, growth", end - start, "MB", _FLAT_MIB, "medians of the first and the last tenth", 2),
    ]


def _report_latencies(facts: list[Fact], truth: Fact, report: Report) -> None:
    committed = {fact["uuid"]: fact for fact in facts if fact["event"] == "weighing.record.committed"}
    commits = [fact["took_ms"] for fact in committed.values()]
    uploads = [
        1000 * (record["arrived_monotonic"] - committed[record["uuid"]]["monotonic"])
        for record in truth["records"]
        if record["uuid"] in committed
    ]
    for name, limit, values in (
        ("stable to durable commit, p99", 20.0, commits),
        ("commit to server row, p99", 150.0, uploads),
    ):
        note = f"{len(values)} records; median {percentile(values, 0.5):.1f}, most {max(values, default=0.0):.1f} ms"
        report.figures.append(Figure(name, percentile(values, 0.99), "ms", limit, note))


def _judge(folder: Path, truth: Fact, report: Report) -> None:
    """A service that is fast and wrong has not passed."""
    boxes = sorted((box["card"], float(box["weight"])) for box in truth["boxes"])
    there = sorted((record["card"], float(record["weight"])) for record in truth["records"])
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as database:
        here = sorted(database.execute("SELECT rfid_uid, weight FROM weighing_records"))
    if not boxes:
        report.failures.append("no box was weighed")
    report.failures += [f"not weighed: {box}" for box in truth["missed"]]
    for where, rows in (("here", here), ("at the server", there)):
        if rows != boxes and not truth["missed"]:
            report.failures.append(f"{len(boxes)} boxes were weighed, and the {len(rows)} records {where} differ")


# Facts ----------------------------------------------------------------------------------------------------------------


def _has(event: str) -> Callable[[list[Fact]], bool]:
    return lambda facts: any(fact["event"] == event for fact in facts)


def _outbox(facts: list[Fact]) -> int:
    """How many records are committed and not yet noted as delivered."""
    uuids = {fact["uuid"] for fact in facts if fact["event"] == "weighing.record.committed"}
    return len(uuids - {fact["uuid"] for fact in facts if fact["event"] == "upload.record.delivered"})
