"""A terminal's line recorded and played again: its master asks as it asked, and the same records come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bindings.shipped import shipped_registry
from engine.devices.recording import LINK_UP, RECEIVED, SENT, RecordingWriter, read_recording
from engine.devices.terminal.exchange import Exchange, Told
from engine.ports import Card, WeighingRecord
from engine.service.config import load_site
from engine.testing.replay import Replayed, replay
from engine.testing.terminal_world import TerminalWorld
from engine.testing.world import q

SITE = """\
server: {url: "http://127.0.0.1:9"}
lines:
  - name: dock-1
    chart: terminal-weighing
    devices:
      terminal: {port: /dev/ttyUSB0, protocol: suwol-1000}
"""
PORT = "dock-1/terminal"
CARDS = [Card("006091E1", "김철수"), Card("006091E2", "분실", is_active=False)]


def weighed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[WeighingRecord]:
    """Three cards come to a terminal, of which one is good; what was recorded is in tape.rec.gz."""
    with TerminalWorld(cards=CARDS) as world:
        writer = RecordingWriter(folder / "tape.rec.gz", world.clock)
        real_tick, real_receive = Exchange.tick, Exchange.receive

        def tick(exchange: Exchange, now: float) -> bytes | None:
            request = real_tick(exchange, now)
            if request is not None:
                writer.write(PORT, request, now, SENT)
            return request

        def receive(exchange: Exchange, data: bytes, now: float) -> Told:
            writer.write(PORT, data, now, RECEIVED)
            return real_receive(exchange, data, now)

        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "tick", tick)
            patch.setattr(Exchange, "receive", receive)
            writer.write(PORT, b"", world.clock.monotonic(), LINK_UP)
            world.start()
            world.advance(2)
            for uid in ("006091E2", "00FFFFFF", "006091E1"):
                world.put(q("12.34 kg"))
                world.card(uid)
                world.advance(20)
                world.remove()
                world.advance(10)
        writer.close()
        return world.records


def play(folder: Path, into: str) -> Replayed:
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / into).mkdir()
    registry = shipped_registry()
    site = load_site(folder / "site.yaml", {}, registry=registry)
    try:
        return replay(read_recording([folder / "tape.rec.gz"]), site, registry, folder / into, CARDS)
    finally:
        for ballast in folder.glob("*/*.ballast"):
            ballast.unlink()


def test_a_terminals_line_is_replayed_with_the_cards_that_it_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [record] = weighed(tmp_path, monkeypatch)
    first, second = play(tmp_path, "one"), play(tmp_path, "two")
    [again] = first.records
    assert (again.rfid_uid, again.weight, again.raw_frame, again.extra) == (
        record.rfid_uid,
        record.weight,
        record.raw_frame,
        record.extra,
    )
    assert first.records == second.records
    assert first.faults == {"dock-1": 0}
