"""engine run --record: the folder of the command line, with the bounds of the site."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine.cli.main import main
from engine.devices.record_settings import RecordSettings
from engine.service import run

SITE = """\
server: {url: "http://127.0.0.1:9"}
lines:
  - name: dock-1
    devices: {scale: {port: /dev/no-such-port, protocol: cas-22}}
"""


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("", lambda folder: RecordSettings(folder / "tape")),
        (
            "record: {dir: other, max_size: 1 GB, min_free: 2 GB}",
            lambda folder: RecordSettings(folder / "tape", 10**9, 2 * 10**9),
        ),
    ],
)
def test_the_command_line_says_where_and_the_site_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, expected: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(SITE + section + "\n", encoding="utf-8")
    seen: list[Any] = []
    monkeypatch.setattr(run, "Gateway", lambda site, **_: seen.append(site))
    monkeypatch.setattr(asyncio, "run", lambda serving: serving.close())
    monkeypatch.setattr(run.logs, "configure", lambda *_: None)  # its loggers would stay for the tests that follow
    try:
        assert main(["run", "--record", "tape"]) == 0
    finally:
        structlog.reset_defaults()
    assert seen[0].record == expected(tmp_path)
