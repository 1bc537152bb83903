"""Whatever a server, a portal or a proxy answers, every record reaches the server once, and the approval is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from process_kit import WITHIN_S, run, scene

from engine.sim import faults
from engine.sim.hall import MAC_ADDRESS

CARDS = [(f"01000000{number:02X}", f"{number}.005") for number in range(1, 13)]


def test_records_survive_every_wrong_answer_and_arrive_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall, Bystander() as elsewhere:
            await hall.approve_beforehand(*CARDS)
            for fault in (
                faults.portal_page(),
                faults.half_body(is_declared_whole=False),
                faults.half_body(),
                faults.redirect(elsewhere.url, 301),
                faults.status(500, after_work=True),
                faults.drop_before_reading(),
                faults.drop_before_answering(),
                faults.empty_body(201),
                faults.clock_off(timedelta(days=1), retry_in=timedelta(seconds=1)),
                faults.clock_off(-timedelta(days=1), retry_in=timedelta(seconds=1)),
            ):
                hall.server.faults.add(fault, on="records")
            for fault in (faults.portal_page(403), faults.redirect(elsewhere.url, 301)):
                hall.server.faults.add(fault, on="heartbeat")
                hall.server.faults.add(fault, on="stream")
            service = hall.start()
            await hall.all_delivered()
            assert hall.problems() == []
            await hall.server.wait_until(lambda: len(hall.server.heartbeats) > 0, timeout=WITHIN_S)
            await hall.server.wait_until(lambda: hall.server.streams(MAC_ADDRESS) == 1, timeout=WITHIN_S)
            assert not service.seen("gateway.token.dropped")
            assert elsewhere.callers == 0
            answers = service.seen("http.request.answered", path="api/weighing/records/")
            assert {(answer["status"], answer["reason"].partition(" (")[0]) for answer in answers} >= {
                (200, "is a web page"),
                (201, "is not JSON"),
                (201, "broke off"),
                (201, "has no body"),
                (301, "is a web page"),
                (400, ""),  # stored at an earlier attempt whose answer was spoilt
                (500, ""),
                (503, ""),
            }
            assert _times_here(tmp_path) == {row.uuid: row.measured_at for row in hall.server.records}
            await service.stop()

    run(scenario())


def test_a_gateway_registers_through_portals_halves_and_failures(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall, Bystander() as elsewhere:
            hall.server.faults.add(faults.portal_page(), on="lookup")
            hall.server.faults.add(faults.half_body(is_declared_whole=False), on="register")
            hall.server.faults.add(faults.redirect(elsewhere.url, 301), on="lookup")
            service = hall.start()
            await service.wait_for("gateway.approval.stored")
            await service.wait_at_work()
            await hall.weigh(service, *CARDS[0])
            await hall.all_delivered()
            assert hall.problems() == []
            assert list(hall.server.gateways) == [MAC_ADDRESS]
            assert elsewhere.callers == 0
            await service.stop()

    run(scenario())


@pytest.mark.torture
def test_a_server_that_takes_records_and_says_nothing_is_asked_again_after_a_while(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            await hall.approve_beforehand(*CARDS[:4])
            hall.server.faults.add(faults.never_answer(after_work=True), on="records", times=2)
            hall.server.faults.add(faults.never_answer(), on="records", times=2)
            service = hall.start()
            await hall.all_delivered(within=60)
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def _times_here(folder: Path) -> dict[str, datetime]:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as database:
        rows = database.execute("SELECT uuid, measured_at FROM weighing_records").fetchall()
    return {uuid: datetime.fromisoformat(measured_at) for uuid, measured_at in rows}


class Bystander:
    """Another host, to which a redirect points: nobody may ever call there, least of all with the token."""

    def __init__(self) -> None:
        self.callers = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._called, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _called(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        writer.close()
