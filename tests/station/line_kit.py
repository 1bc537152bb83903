"""A hall whose lines are batches of a station: real ports, processes and a server; the test works there."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from station_kit import until

from engine.clock import SystemClock
from engine.sim.audit import LedgerUnreadableError, LocalRow, audit, read_ledger
from engine.sim.boxes import Box, Swing
from engine.sim.hall import MAC_ADDRESS, READER_BAUDRATE, SCALE_BAUDRATE, Hall, HallLine
from engine.sim.server import ReferenceServer
from engine.station.config import load_station
from engine.station.settings import LEDGER
from engine.station.station import Station

_QUIET = Swing(decay=0.01, frequency=5.0)


class LineStation:
    """A folder with a station.yaml whose batches are the hall's lines; the test is the operator."""

    def __init__(self, folder: Path, server: ReferenceServer, hall: Hall) -> None:
        self.folder = folder
        self.server = server
        self.hall = hall
        self.boxes: list[Box] = []

    @property
    def config(self) -> Path:
        return self.folder / "station.yaml"

    def write(self, more: str = "", chart: str = "weighing", url: str | None = None) -> None:
        lines = [self._batch(line, chart) for line in self.hall.lines if isinstance(line, HallLine)]
        text = f"""\
station: {{id: hall}}
gateway:
  server: {{url: {json.dumps(url or self.server.url)}}}
  mac_address: {json.dumps(MAC_ADDRESS)}
  sync: {{interval: 100 ms}}
  upload: {{interval: 100 ms}}
  heartbeat: {{interval: 200 ms}}
batches:
{"".join(lines)}{more}"""
        self.config.write_text(text, encoding="utf-8")

    def _batch(self, line: HallLine, chart: str) -> str:
        scale = {"port": line.scale_uart.endpoint.port, "protocol": "cas-22", "baudrate": SCALE_BAUDRATE}
        reader = {"port": line.reader_uart.endpoint.port, "protocol": "rdm6300", "baudrate": READER_BAUDRATE}
        return f"""\
  - id: {line.name}
    chart: {chart}
    settings: {{stable_for: 200 ms}}
    limits: {{heartbeat: 30 s}}
    devices: {json.dumps({"scale": scale, "rfid": reader})}
"""

    def station(self) -> Station:
        """A master that is not entered yet."""
        return Station(load_station(self.config, {}), SystemClock())

    # The operator ----------------------------------------------------------------------------------------------------

    def put(self, line: int, weight: str) -> Box:
        """Put a box down and touch its card, which stays."""
        stand, number = self.hall.lines[line], len(self.boxes) + 1
        assert isinstance(stand, HallLine)
        box = Box(stand.name, number, f"{line + 1:02}{number:08}", Decimal(weight))
        self.boxes.append(box)
        stand.reader.touch(box.card, time.monotonic())
        stand.scale.put_down(box.weight, _QUIET, time.monotonic())
        return box

    def lift(self, line: int) -> None:
        """Take box and card away."""
        stand = self.hall.lines[line]
        assert isinstance(stand, HallLine)
        stand.reader.take_away()
        stand.scale.lift(0.05, time.monotonic())

    def rows(self) -> list[LocalRow]:
        try:
            return read_ledger(self.folder / "data" / LEDGER)
        except LedgerUnreadableError:
            return []

    async def committed(self, box: Box) -> None:
        """Until its record is durable."""
        await until(lambda: any(row.card == box.card for row in self.rows()))

    async def weigh(self, station: Station, line: int, weight: str) -> Box:
        """One box from beginning to end, once the line is ready for it."""
        await self.at(station, line, READY)
        box = self.put(line, weight)
        await self.committed(box)
        self.lift(line)
        return box

    async def at(self, station: Station, line: int, *states: str) -> None:
        """Until the chart of a line is in one of these states."""
        name = self.hall.lines[line].name
        await until(lambda: station.status(name).line_state in states)

    async def delivered(self) -> None:
        """Until every box has reached the server, and that is noted here."""
        await until(lambda: len(rows := self.rows()) >= len(self.boxes) and all(row.is_sent for row in rows))

    def problems(self) -> list[str]:
        """What is not exactly once, here and at the server."""
        return audit(self.boxes, self.rows(), self.server.records).problems


READY = "카드 대기"
OCCUPIED = "저울 비우기 대기"
MEASURING = "계량 중"


@asynccontextmanager
async def hall_of(folder: Path, *, lines: int = 2, approve: bool = True) -> AsyncIterator[LineStation]:
    async with (
        ReferenceServer(auto_approve_after=0.0 if approve else None) as server,
        Hall(lines=lines, transport="pty", patience=300) as hall,
    ):
        made = LineStation(folder, server, hall)
        made.write()
        yield made
