"""Traces of machines in files: bounded, and never at the machine's expense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.errors import EngineError
from engine.runtime.trace import Macrostep
from engine.service.traces import Traces

STEP = Macrostep("card.read", {"uid": "04A1B2C3"}, 1.5, ("idle",), configuration=("measuring",))


def test_every_machine_has_a_file_of_its_own_with_an_object_a_line(tmp_path: Path) -> None:
    with Traces(tmp_path / "traces") as traces:
        for machine in ("부두-1", "부두-1", "dock/child"):
            traces.tracer(machine)(STEP)
    lines = (tmp_path / "traces" / "부두-1.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["configuration"] for line in lines] == [["measuring"]] * 2
    assert (tmp_path / "traces" / "dock_child.jsonl").exists()


def test_a_trace_is_bounded(tmp_path: Path) -> None:
    with Traces(tmp_path, most_bytes=2_000) as traces:
        tell = traces.tracer("dock-1")
        for _ in range(200):
            tell(STEP)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dock-1.jsonl", "dock-1.jsonl.1"]
    assert all(0 < path.stat().st_size <= 2_000 for path in tmp_path.iterdir())


def test_a_trace_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "dock-1.jsonl").mkdir()
    with capture_logs() as logs, Traces(tmp_path) as traces:
        for _ in range(3):
            traces.tracer("dock-1")(STEP)
    assert [entry["event"] for entry in logs] == ["machine.trace.failed"]


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(EngineError, match="taken"):
        Traces(tmp_path / "taken")
