"""site.yaml: a line that is an unmanned terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.errors import DiagnosticError
from engine.service.config import SiteConfig, load_site
from engine.service.lines import Line
from engine.service.weights import LatestWeights

SITE = """\
server: {{url: "http://127.0.0.1:8000"}}
lines:
  - name: dock-1
    chart: terminal-weighing
    devices:
      terminal: {{port: COM3, {device}}}
"""


def load(folder: Path, device: str) -> SiteConfig:
    path = folder / "site.yaml"
    path.write_text(SITE.format(device=device), encoding="utf-8")
    return load_site(path, {})


def made(site: SiteConfig) -> Line:
    async def make() -> Line:
        loop = asyncio.get_running_loop()
        return Line(site.lines[0], SystemClock(), loop, LatestWeights(), lambda _event: None)

    return asyncio.run(make())


def test_a_terminal_is_polled_every_150_ms_under_id_0(tmp_path: Path):
    terminal = made(load(tmp_path, "protocol: suwol-1000")).terminal
    assert terminal is not None
    assert terminal.exchange._period == 0.15
    assert terminal.orders.terminal == 0


def test_its_period_and_its_id_can_be_told(tmp_path: Path):
    terminal = made(load(tmp_path, 'protocol: suwol-1000, poll: 200 ms, id: "7"')).terminal
    assert terminal is not None
    assert terminal.exchange._period == 0.2
    assert terminal.orders.terminal == 7


@pytest.mark.parametrize(
    ("device", "code"),
    [
        ("protocol: suwol-1000, poll: 99 ms", "terminal-poll-range"),
        ("protocol: suwol-1000, poll: 201 ms", "terminal-poll-range"),
        ("protocol: suwol-1000, poll: 0 s", "terminal-poll-range"),
        ('protocol: suwol-1000, id: "10"', "bad-device-id"),
        ('protocol: suwol-1000, id: "A"', "bad-device-id"),
        ("protocol: [suwol-1000, rdm6300]", "protocols-clash"),
        ("protocol: [cas-22, suwol-1000]", "protocols-clash"),
    ],
)
def test_what_a_terminal_cannot_be_told_is_an_error_at_its_place(tmp_path: Path, device: str, code: str):
    with pytest.raises(DiagnosticError) as caught:
        load(tmp_path, device)
    assert [one.code for one in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].position.line == 6


def test_a_line_with_other_devices_has_no_terminal(tmp_path: Path):
    assert made(load(tmp_path, "protocol: cas-22")).terminal is None
