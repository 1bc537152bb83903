"""Who may weigh: a gateway that was approved once goes on weighing, whatever the server says or does not say."""

from __future__ import annotations

from pathlib import Path

from process_kit import WITHIN_S, run, scene

from engine.sim.hall import MAC_ADDRESS

A, B = "0100000001", "0100000002"


def test_once_approved_weighing_opens_after_a_restart_although_the_token_is_gone_and_the_server_down(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with scene(tmp_path) as hall:
            service = hall.start()
            await service.wait_at_work()
            await hall.weigh(service, A, "12.345")
            await hall.all_delivered()
            hall.server.backend.auto_approve_after = None
            hall.server.revoke(MAC_ADDRESS)
            await service.wait_for("gateway.token.dropped")
            service.kill()
            await hall.server.go_offline()

            service = hall.start()
            await service.wait_at_work()
            await hall.weigh(service, B, "3.21")
            assert len(hall.server.records) == 1

            await hall.server.go_online()
            hall.server.approve(MAC_ADDRESS)
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())


def test_a_gateway_that_was_never_approved_does_not_weigh_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with scene(tmp_path, approve=False) as hall:
            service = hall.start()
            await service.wait_state("unregistered")
            await service.wait_for("serial.link.opened", 2)
            hall.put(A, "12.345")
            await service.wait_for("line.signal.shown", pattern="failed")
            assert any("not approved yet" in fact["message"] for fact in service.seen("chart.log", machine="dock-1"))
            hall.lift()

            await hall.server.wait_until(lambda: MAC_ADDRESS in hall.server.gateways, timeout=WITHIN_S)
            hall.server.approve(MAC_ADDRESS)
            await service.wait_at_work()
            del hall.boxes[:]
            await hall.weigh(service, B, "3.21")
            await hall.all_delivered()
            assert hall.problems() == []
            await service.stop()

    run(scenario())
