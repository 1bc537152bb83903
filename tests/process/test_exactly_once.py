"""Power cuts: whatever moment ``kill -9`` finds, every box is one row here and one row at the server."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from process_kit import WITHIN_S, Scene, Service, run, scene, until

from engine.sim.audit import read_ledger
from engine.sim.boxes import Box
from engine.sim.faults import drop_before_answering, drop_before_reading, half_body, never_answer, status
from engine.sim.hall import Hall

A, B = "0100000001", "0100000002"
_PATIENCE_S = 300.0


def test_a_service_killed_between_commit_and_upload_delivers_each_record_once_after_its_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path, lines=2) as hall:
            service = hall.start()
            await service.wait_for("gateway.approval.stored")
            await hall.server.go_offline()
            await service.wait_at_work(lines=2)
            hall.put("0100000001", "12.345", line=0)
            hall.put("0200000001", "7.89", line=1)
            await service.wait_for("weighing.record.committed", 2)
            service.kill()
            assert hall.server.records == []
            hall.lift(0)
            hall.lift(1)
            await hall.server.go_online()
            service = hall.start()
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def test_a_record_that_was_stored_by_a_server_whose_answer_a_power_cut_swallowed_is_stored_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            hall.server.faults.add(never_answer(after_work=True), on="records")
            service = hall.start()
            await service.wait_at_work()
            hall.put(A, "12.345")
            await hall.server.wait_until(lambda: len(hall.server.records) == 1, timeout=WITHIN_S)
            service.kill()
            hall.lift()
            service = hall.start()
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def test_a_box_that_still_stands_there_after_a_power_cut_is_not_weighed_a_second_time(tmp_path: Path) -> None:
    """Its card still lies on the reader, and the next card is touched too early."""

    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            service = hall.start()
            await service.wait_at_work()
            hall.put(A, "12.345")
            await service.wait_for("weighing.record.committed")
            service.kill()
            service = hall.start()
            await service.wait_state("occupied")
            hall.hall.lines[0].reader.take_away()
            await hall.touch(B)
            await service.wait_for("line.signal.shown", pattern="held")
            hall.lift()
            await service.wait_state("measuring")
            hall.put(B, "3.21")
            await service.wait_for("weighing.record.committed")
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def test_boxes_are_recorded_once_while_the_power_fails_at_any_moment(tmp_path: Path) -> None:
    run(_weigh_through_power_cuts(tmp_path, lines=2, boxes=4, cuts=4, lives_s=0.5, seed=3))


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(3))
def test_many_boxes_are_recorded_once_while_the_power_fails_at_any_moment(tmp_path: Path, seed: int) -> None:
    run(_weigh_through_power_cuts(tmp_path, lines=4, boxes=32, cuts=14, lives_s=7.0, seed=seed))


async def _weigh_through_power_cuts(
    folder: Path, *, lines: int, boxes: int, cuts: int, lives_s: float, seed: int
) -> None:
    """Operators weigh boxes on all lines; each believes a box recorded when the database says so.

    An operator who sees nothing happen touches the card again after six seconds: in ``lives_s``, the most that a
    service lives before its cut is due, some of them must be able to.
    """
    rng = random.Random(seed)
    hall = Hall(lines=lines, seed=seed, patience=_PATIENCE_S)
    async with scene(folder, hall=hall) as made:
        _trouble(made, rng, cuts)
        service = made.start()
        await service.wait_at_work(lines)
        ledger = folder / "ledger.sqlite"

        async def committed(box: Box) -> None:
            await until(
                f"{box} in the ledger", lambda: any(r.card == box.card for r in read_ledger(ledger)), _PATIENCE_S
            )

        weighing = asyncio.create_task(hall.run_boxes(boxes, committed))
        for _ in range(cuts):
            await asyncio.sleep(rng.uniform(0, lives_s))
            await _a_moment(service, rng)
            service.kill()
            service = made.start()
        assert await weighing == []
        made.boxes = hall.truth
        assert len(made.boxes) == boxes
        await made.all_delivered()
        assert made.problems() == []
        await service.wait_at_work(lines)  # the last box may have been recorded before the last cut
        await service.stop()


def _trouble(made: Scene, rng: random.Random, times: int) -> None:
    """A server whose answers get lost, mostly after it has stored what it was sent."""
    kinds = [drop_before_answering(), drop_before_reading(), half_body(), status(503), status(500, after_work=True)]
    for _ in range(times):
        made.server.faults.add(rng.choice(kinds), on="records")


async def _a_moment(service: Service, rng: random.Random) -> None:
    """Wait for the next moment at which a power cut is interesting, and a few milliseconds more."""
    event, values = rng.choice(
        [
            ("machine.state.changed", {"after": "measuring"}),
            ("machine.state.changed", {"after": "saving"}),
            ("machine.state.changed", {"after": "sending"}),
            ("machine.state.changed", {"after": "noting"}),
            ("weighing.record.committed", {}),
            ("store.database.opened", {}),
        ]
    )
    try:
        await service.wait_for(event, len(service.seen(event, **values)) + 1, within=3.0, **values)
    except AssertionError:  # nothing is being weighed just now: cut the power anyway
        assert service.process.poll() is None
    await asyncio.sleep(rng.choice((0.0, 0.002, 0.005, 0.02, 0.1)))
