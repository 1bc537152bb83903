"""``engine station`` as people start it: from a file, and as a demo."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from engine.cli.main import main

STATION = """\
station: {{id: test, name: 시험}}
server: {{port: 0}}
paths: {{data: data}}
batches:
  - {{id: batch_1, sequencePackage: {package}, simulate: true, autoStart: true}}
  - {{id: batch_2, sequencePackage: power_board, simulate: true}}
"""


def started(folder: Path, package: str) -> tuple[subprocess.Popen[str], dict[str, dict[str, object]]]:
    """The process once it is ready, and what it has logged by event."""
    (folder / "station.yaml").write_text(STATION.format(package=package), encoding="utf-8")
    command = [sys.executable, "-m", "engine", "station", "--config", str(folder / "station.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told: dict[str, dict[str, object]] = {}
    assert process.stdout is not None
    for line in process.stdout:
        fact = json.loads(line)
        told.setdefault(fact["event"], fact)
        if fact["event"] == "station.ready":
            return process, told
    raise AssertionError(f"the station ended: {told}")


def test_a_station_starts_in_order_and_ends_by_sigterm_through_the_cleanup_of_what_runs(tmp_path):
    process, told = started(tmp_path, "power_board")
    try:
        order = list(told)
        steps = ("store.station.opened", "station.master.started", "station.api.opened", "station.ready")
        assert [one for one in order if one in steps] == list(steps)
        children = psutil.Process(process.pid).children()
        assert [child.cmdline()[0] for child in children].count("batch:batch_1") == 1
        url = f"{told['station.api.opened']['url']}/api/batches/batch_1/sequence/start"
        request = urllib.request.Request(url, b'{"parameters": {"burn_in": 2}}', {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["executionId"]
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(20) == 0
        assert time.monotonic() - began < 15
        assert "station.master.ended" in rest
        assert not any(psutil.pid_exists(child.pid) for child in children)
        log = (tmp_path / "data" / "logs" / "station.log").read_text(encoding="utf-8")
        assert "station.ready" in log
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_file_that_does_not_fit_its_sequence_is_told_before_anything_is_begun(tmp_path, capsys):
    (tmp_path / "station.yaml").write_text(
        "station: {id: test}\nserver: {host: 0.0.0.0}\nbatches:\n"
        "  - {id: a, sequencePackage: power_bord}\n"
        "  - {id: a, sequencePackage: power_board, simulate: true,\n"
        "     parameters: {vin: 99 V, vout: 3}, hardware: {dmn: {}}}\n"
        "  - {id: 지그 1, sequencePackage: power_board, simulate: true}\n",
        encoding="utf-8",
    )
    assert main(["station", "--config", str(tmp_path / "station.yaml")]) == 1
    told = capsys.readouterr().err
    for code in ("host-without-auth", "unknown-sequence", "duplicate-batch", "out-of-range", "unknown-setting"):
        assert f"[{code}]" in told
    assert "'지그 1' is not a short name of A-Z, a-z, 0-9, '_', '-' and '.'" in told
    assert "did you mean 'power_board'?" in told
    assert "did you mean 'dmm'?" in told
    assert not (tmp_path / "data").exists()


def test_data_that_cannot_be_written_are_told_with_the_setting_to_mend(tmp_path, capsys):
    (tmp_path / "data").write_text("no folder")
    (tmp_path / "station.yaml").write_text(STATION.format(package="power_board"), encoding="utf-8")
    assert main(["station", "--config", str(tmp_path / "station.yaml")]) == 1
    told = capsys.readouterr().err
    assert "the station cannot write to its data (Not a directory" in told
    assert "change paths.data" in told


def test_the_demo_loses_nothing_and_says_so_and_is_served_meanwhile():
    demo = subprocess.Popen(
        [sys.executable, "-m", "engine", "station", "--demo", "--runs", "8"], stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    try:
        url = demo.stdout.readline().split()[2].rstrip(",")
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/batches", timeout=10) as answer:
            assert [one["id"] for one in json.load(answer)] == ["jig-1", "jig-2", "jig-3", "jig-4"]
        told = " ".join(demo.stdout.read().split())
        assert demo.wait(20) == 0
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
    assert "8 runs asked for, 8 in the database" in told
    assert "8 cleanups" in told
    assert "nothing lost, every run cleaned up exactly once" in told


def test_options_that_do_not_go_together_are_refused():
    assert main(["station", "--demo", "--config", "station.yaml"]) == 2
    assert main(["station", "--runs", "3"]) == 2


def test_without_its_extra_a_station_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("engine.cli.commands.station._EXTRA", ("json", "no_such_library"))
    assert main(["station", "--demo"]) == 1
    assert (
        "needs the extra 'station', for no_such_library; install it: uv sync --extra station" in capsys.readouterr().err
    )
