"""How the service ends: within two seconds of SIGTERM or SIGINT, with 0, with nothing lost, whatever it is doing."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from process_kit import STOPS_WITHIN_S, WITHIN_S, run, scene

from engine.sim.faults import never_answer

A = "0100000001"
FULL = Path("/dev/full")


def test_sigterm_while_a_record_is_being_committed_loses_nothing(tmp_path: Path) -> None:
    """A backup holds the database for a moment, so that the commit is still under way when the signal comes."""

    async def scenario() -> None:
        async with scene(tmp_path, lines=2) as hall:
            service = hall.start()
            await service.wait_at_work(lines=2)
            with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as backup:
                backup.execute("BEGIN IMMEDIATE")
                hall.put("0100000001", "12.345", line=0)
                hall.put("0200000001", "7.89", line=1)
                await service.wait_for("machine.state.changed", 2, after="saving")
                ending = asyncio.create_task(service.stop())
                await service.wait_for("gateway.service.stopping")
                await asyncio.sleep(0.1)
                assert service.process.poll() is None
                backup.execute("COMMIT")
            await ending
            hall.lift(0)
            hall.lift(1)
            service = hall.start()
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def test_sigint_while_the_server_never_answers_and_a_port_never_opens_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:  # takes connections, and never says a word
            port = f"rfc2217://127.0.0.1:{silent.getsockname()[1]}"
            async with scene(tmp_path, lines=2) as hall:
                pty = hall.hall.lines[1].scale_uart.endpoint.port
                hall.write_site(replace=[(f'"{pty}"', f'"{port}"')])
                hall.server.faults.add(never_answer(after_work=True), on="records")
                service = hall.start()
                await service.wait_for("serial.link.opened", 3)
                await service.wait_for("gateway.approval.stored")
                hall.put(A, "12.345")
                await hall.server.wait_until(lambda: len(hall.server.records) == 1, timeout=WITHIN_S)
                await service.stop(signal.SIGINT)
                hall.lift()
                service = hall.start()
                await hall.all_delivered()
                assert hall.problems() == []
                await service.stop()

    run(scenario())


def test_a_second_service_on_one_database_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            first = hall.start()
            await first.wait_at_work()
            second = hall.start()
            assert await second.ended() == 1
            said = second.complaints
            assert str(tmp_path / "ledger.sqlite") in said
            assert f"process {first.pid}" in said
            assert "Traceback" not in said
            assert second.log_text == ""
            await hall.weigh(first, A, "12.345")
            await hall.all_delivered()
            assert hall.problems() == []
            await first.stop()

    run(scenario())


@pytest.mark.skipif(not FULL.exists(), reason="this platform has no device that is always full")
def test_a_log_that_cannot_be_written_stops_neither_the_weighing_nor_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            await hall.approve_beforehand()
            service = hall.start(log=FULL)
            await hall.server.wait_until(lambda: len(hall.server.heartbeats) > 0, timeout=WITHIN_S)
            hall.put(A, "12.345")
            await hall.all_delivered()
            assert hall.problems() == []
            service.process.send_signal(signal.SIGTERM)
            assert await service.ended(STOPS_WITHIN_S) == 0
            assert service.complaints == ""

    run(scenario())
