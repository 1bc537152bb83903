"""The routes of a run that may be gone on with: over the API as over the station."""

from __future__ import annotations

from pathlib import Path

from tests.station.face_kit import run, world

URL = "/api/batches/batch_1/sequence/resume"


def test_a_run_that_may_be_gone_on_with_is_told_by_its_batch_and_gone_on_with_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            resumable = {"execution_id": "e1", "step": "soak"}
            there.station.set("batch_1", status="error", state="asking", owes_cleanup=True, resumable=resumable)
            _, batch = await there.call("GET", "/api/batches/batch_1")
            assert (batch["resumable"], batch["owesCleanup"]) == ({"executionId": "e1", "step": "soak"}, True)
            assert await there.call("POST", URL) == (200, {"executionId": "e1"})
            _, batch = await there.call("GET", "/api/batches/batch_1")
            assert (batch["executionId"], "resumable" in batch) == ("e1", False)
            status, problem = await there.call("POST", URL)
            assert (status, problem["code"]) == (409, "wrong-state")
            assert "resumable: true" in problem["detail"]
            _, audit = await there.call("GET", "/api/audit?batch=batch_1")
            assert audit["items"][0]["action"] == "sequence.resume"

    run(scenario())


def test_a_batch_that_there_is_not_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            status, problem = await there.call("POST", URL.replace("batch_1", "batch_9"))
            assert (status, problem["code"]) == (404, "unknown-batch")

    run(scenario())
