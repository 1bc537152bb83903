"""What the station's API says and does of batches, over a real store; the batches themselves are played."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from engine.sequence.ports import Prompt
from engine.station.editing import StationFile
from engine.station.errors import WrongStateError
from tests.station.face_kit import START, problem, run, running, world

# -- batches ----------------------------------------------------------------------------------------------------------


def test_batches_are_told_in_the_shape_of_the_requirements(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            there.station.set(
                "batch_1", status="running", state="executing", pid=7, execution_id="e", current_step="look",
                step_index=2, total_steps=4, progress=0.25, sequence_name="power_board", sequence_version="1.2.0",
                started_at=START, elapsed=1.5, waits_for=("bench",),
                prompts=({"id": "e/1", "step": "look", "text": "?", "choices": ["예"], "default": None},),
            )  # fmt: skip
            status, (first, second) = await there.call("GET", "/api/batches")
            assert status == 200
            assert first == {
                "id": "batch_1", "name": "첫째", "status": "running", "pid": 7, "currentStep": "look",
                "stepIndex": 2, "totalSteps": 4, "progress": 0.25, "sequenceName": "power_board",
                "sequenceVersion": "1.2.0", "startedAt": "2026-01-31T09:00:00Z", "elapsed": 1.5, "executionId": "e",
                "state": "executing", "owesCleanup": False, "waitsFor": ["bench"],
                "prompts": [{"id": "e/1", "step": "look", "text": "?", "choices": ["예"]}],
            }  # fmt: skip
            assert "pid" not in second
            assert "progress" not in second

    run(scenario())


def test_a_batch_tells_its_settings_but_never_what_a_variable_holds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            status, body = await there.call("GET", "/api/batches/batch_1")
            assert status == 200
            assert body["hardware"] == {"psu": {"port": "${PSU_PORT}"}}
            assert body["sequencePackage"] == "power_board"
            assert body["simulate"] is True
            problem(await there.call("GET", "/api/batches/none"), 404, "unknown-batch")

    run(scenario())


def test_a_batch_is_started_and_stopped_and_a_second_time_is_a_conflict(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            assert await there.call("POST", "/api/batches/batch_1/start") == (200, {"status": "running", "pid": 4711})
            problem(await there.call("POST", "/api/batches/batch_1/start"), 409, "wrong-state")
            assert await there.call("POST", "/api/batches/batch_1/restart") == (200, {"status": "running", "pid": 4711})
            assert await there.call("POST", "/api/batches/batch_1/stop") == (200, {"status": "idle"})
            problem(await there.call("POST", "/api/batches/batch_1/stop"), 409, "wrong-state")

    run(scenario())


def test_a_start_that_fails_is_a_conflict_with_the_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:

            async def fail(batch_id: str, *, actor: str = "") -> Any:
                return there.station.set(batch_id, status="error", reason="the lock psu-1 is held")

            there.station.start_batch = fail  # type: ignore[method-assign]
            body = problem(await there.call("POST", "/api/batches/batch_1/start"), 409, "start-failed")
            assert body["detail"] == "the lock psu-1 is held"

    run(scenario())


def test_a_sequence_carries_parameters_serial_and_operator_and_is_audited(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            wanted = {"parameters": {"vin": 12}, "serial": "SN-1", "operator": "김철수"}
            status, body = await there.call("POST", "/api/batches/batch_1/sequence/start", json=wanted)
            assert status == 200
            _, result = await there.call("GET", f"/api/results/{body['executionId']}")
            assert (result["serial"], result["operator"], result["parameters"]) == ("SN-1", "김철수", {"vin": 12})
            assert result["status"] == "running"
            assert result["overallPass"] is False
            assert "completedAt" not in result
            _, log = await there.call("GET", "/api/audit?batch=batch_1")
            assert log["items"][0]["action"] == "sequence.start"
            assert log["items"][0]["detail"] == wanted
            assert log["items"][0]["outcome"] == f"ok: {body['executionId']}"

    run(scenario())


def test_what_a_sequence_does_not_take_is_told_by_field(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url = "/api/batches/batch_1/sequence/start"
            problem(await there.call("POST", url, json={}), 409, "wrong-state")
            await running(there)
            problem(
                await there.call("POST", url, json={"parameters": {"vout": 1}}),
                422,
                "bad-parameters",
                "parameters.vout",
            )
            problem(await there.call("POST", url, json={"params": {}}), 422, "bad-request", "params")
            problem(await there.call("POST", url, json={"parameters": [1]}), 422, "bad-request", "parameters")
            problem(await there.call("POST", url, json={"serial": 5}), 422, "bad-request", "serial")
            problem(await there.call("POST", "/api/batches/x/sequence/start", json={}), 404, "unknown-batch")
            assert (await there.call("POST", url))[0] == 200
            problem(await there.call("POST", url), 409, "wrong-state")

    run(scenario())


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"\xff", b"null1", b'{"hardware": "psu", "command": "on", "params": {"a": 1e999}}',
        b'{"hardware": "psu", "command": "on", "params": {"a": NaN}}',
        b'{"hardware": "psu", "command": "on", "params": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}",
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_used_is_unprocessable(tmp_path: Path, body: bytes) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            headers = {"content-type": "application/json"}
            answer = await there.call("POST", "/api/batches/batch_1/manual", content=body, headers=headers)
            assert problem(answer, 422, "bad-request")["errors"]

    run(scenario())


def test_a_body_that_is_not_named_json_is_told_how_to_be(tmp_path: Path) -> None:
    """``curl -d`` names it a form."""

    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            url, body = "/api/batches/batch_1/sequence/start", b'{"parameters": {"vin": 12}}'
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            told = problem(await there.call("POST", url, content=body, headers=form), 422, "bad-request", "body")
            assert "Content-Type: application/json" in told["detail"]
            named = {"Content-Type": "application/json; charset=utf-8"}
            assert (await there.call("POST", url, content=body, headers=named))[0] == 200

    run(scenario())


def test_half_a_character_in_a_body_is_left_out_and_breaks_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            body = json.dumps({"serial": "SN\0-1", "parameters": {"vin": ["\ud800"]}}).encode()
            headers = {"content-type": "application/json"}
            status, started = await there.call(
                "POST", "/api/batches/batch_1/sequence/start", content=body, headers=headers
            )
            assert status == 200
            _, result = await there.call("GET", f"/api/results/{started['executionId']}")
            assert (result["serial"], result["parameters"]) == ("SN-1", {"vin": ["?"]})

    run(scenario())


def test_a_sequence_is_stopped_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            url = "/api/batches/batch_1/sequence/stop"
            problem(await there.call("POST", url), 409, "wrong-state")
            await there.call("POST", "/api/batches/batch_1/sequence/start")
            assert await there.call("POST", url, json={"reason": "wrong board"}) == (200, {"status": "running"})
            _, log = await there.call("GET", "/api/audit")
            assert log["items"][0]["detail"] == {"reason": "wrong board"}
            problem(await there.call("POST", url), 409, "wrong-state")

    run(scenario())


def test_manual_control_answers_with_the_result_and_is_refused_while_a_sequence_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url, on = "/api/batches/batch_1/manual", {"hardware": "psu", "command": "on", "params": {"voltage": 5}}
            problem(await there.call("POST", url, json=on), 409, "wrong-state")
            await running(there)
            assert await there.call("POST", url, json=on) == (
                200, {"success": True, "value": {"voltage": 5.0, "gap": None}, "duration": 0.01},
            )  # fmt: skip
            _, failed = await there.call("POST", url, json={**on, "command": "short"})
            assert (failed["success"], failed["error"]) == (False, "RuntimeError: short circuit")
            problem(await there.call("POST", url, json={**on, "hardware": "oven"}), 422, "bad-request", "command")
            problem(await there.call("POST", url, json={**on, "command": "vanish"}), 409, "worker-gone")
            problem(await there.call("POST", url, json={"hardware": "psu"}), 422, "bad-request", "command")
            await there.call("POST", "/api/batches/batch_1/sequence/start")
            problem(await there.call("POST", url, json=on), 409, "wrong-state")

    run(scenario())


def test_questions_are_listed_and_answered_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url = "/api/batches/batch_1/prompts"
            assert await there.call("GET", url) == (200, [])
            asked = asdict(Prompt("e/1", "e", "look", "LED?", ("예", "아니오"), default="예", timeout=60.0))
            there.station.set("batch_1", status="running", prompts=(asked,))
            told = {name: value for name, value in asked.items() if name != "execution_id"}
            assert await there.call("GET", url) == (200, [{**told, "choices": ["예", "아니오"]}])
            said = {"promptId": "e/1", "answer": "글쎄"}
            problem(await there.call("POST", f"{url}/answer", json=said), 422, "bad-request", "answer")
            assert (await there.call("POST", f"{url}/answer", json={**said, "answer": "예"}))[0] == 204
            problem(await there.call("POST", f"{url}/answer", json={**said, "answer": "예"}), 404, "unknown-prompt")
            problem(await there.call("GET", "/api/batches/none/prompts"), 404, "unknown-batch")

    run(scenario())


def test_a_cleanup_that_is_owed_is_run_or_waived(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url = "/api/batches/batch_1/cleanup"
            problem(await there.call("POST", url), 409, "wrong-state")
            for do in ("run", "waive"):
                there.station.set("batch_1", status="error", owes_cleanup=True)
                assert await there.call("POST", f"{url}?do={do}") == (200, {"status": "error"})
            problem(await there.call("POST", f"{url}?do=forget"), 422, "bad-request", "do")

    run(scenario())


def test_a_chart_is_drawn_with_the_steps_lit_that_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            url = "/api/batches/batch_1/chart"
            dark = (await there.client.get(url)).text
            assert 'class="state active"' not in dark
            for name, order in (("rail_3v3", 4), ("rail_5v", 5)):
                there.station.bus.publish("step_start", "batch_1", {"step": name, "order": order})
            there.station.bus.publish("step_complete", "batch_1", {"step": "rail_3v3", "order": 4})
            response = await there.client.get(url)
            assert response.headers["content-type"].startswith("image/svg+xml")
            assert response.text.count('class="state active"') == 1
            assert 'class="state active" data-state="rail_5v"' in response.text
            there.face.catalog._drawn["batch"] = (
                '<g class="state" data-state="idle"><g class="state" data-state="error">'
            )
            life = await there.client.get(f"{url}?of=life")
            assert life.text == '<g class="state active" data-state="idle"><g class="state" data-state="error">'
            problem(await there.call("GET", "/api/batches/none/chart"), 404, "unknown-batch")

    run(scenario())


# -- changes of station.yaml ------------------------------------------------------------------------------------------


def test_a_batch_is_made_changed_and_deleted_with_every_comment_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            before = there.file.read_text()
            new = {"id": "batch_3", "sequencePackage": "power_board", "simulate": True, "parameters": {"vin": 9}}
            status, body = await there.call("POST", "/api/batches", json=new)
            assert (status, body["id"], body["status"]) == (201, "batch_3", "idle")
            assert body["parameters"] == {"vin": 9}
            problem(await there.call("POST", "/api/batches", json=new), 409, "batch-exists")
            changed = {"name": "셋째", "sequencePackage": "scale_check", "simulate": True}
            status, body = await there.call("PUT", "/api/batches/batch_3", json=changed)
            assert (status, body["name"], body["sequencePackage"]) == (200, "셋째", "scale_check")
            assert body["parameters"] == {}
            first = {**changed, "sequencePackage": "power_board", "hardware": {"psu": {"port": "${PSU_PORT}"}}}
            status, _ = await there.call("PUT", "/api/batches/batch_1", json=first)
            assert status == 200
            text = there.file.read_text()
            assert "name: 셋째          # 바뀌면 여기" in text
            assert '"${PSU_PORT}"' in text
            assert (await there.call("DELETE", "/api/batches/batch_3"))[0] == 204
            after = there.file.read_text()
            assert "batch_3" not in after
            assert after.replace("셋째", "첫째") == before
            problem(await there.call("DELETE", "/api/batches/batch_3"), 404, "unknown-batch")
            _, log = await there.call("GET", "/api/audit?batch=batch_3")
            assert [one["action"] for one in log["items"]] == ["batch.delete", "batch.change", "batch.create"]

    run(scenario())


def test_a_batch_that_works_is_not_changed_and_a_file_that_would_be_wrong_is_not_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await running(there)
            before = there.file.read_text()
            changed = {"sequencePackage": "scale_check"}
            problem(await there.call("PUT", "/api/batches/batch_1", json=changed), 409, "wrong-state")
            problem(await there.call("DELETE", "/api/batches/batch_1"), 409, "wrong-state")
            problem(await there.call("PUT", "/api/batches/none", json=changed), 404, "unknown-batch")
            there.station.set("batch_2", status="error", owes_cleanup=True)
            problem(await there.call("DELETE", "/api/batches/batch_2"), 409, "wrong-state")
            new = {"id": "batch_3", "sequencePackage": "nowhere"}
            problem(await there.call("POST", "/api/batches", json=new), 422, "bad-request", "sequencePackage")
            problem(await there.call("POST", "/api/batches", json={**new, "id": "a b"}), 422, "bad-request", "id")
            line = {**new, "sequencePackage": "power_board", "line": {"machine": "shuttle"}}  # by hand alone
            problem(await there.call("POST", "/api/batches", json=line), 422, "bad-request", "line")
            wrong = {"id": "batch_3", "sequencePackage": "power_board", "name": "${NOT_SET}"}
            problem(await there.call("POST", "/api/batches", json=wrong), 422, "bad-batch")
            assert there.file.read_text() == before
            assert list(there.file.parent.glob(".station.yaml.*")) == []

    run(scenario())


@pytest.mark.parametrize(
    "leak",
    [{"name": "${PSU_PORT}"}, {"parameters": {"vin": {"a": ["x${PSU_PORT}"]}}}, {"hardware": {"psu": {"a": "${K}"}}}],
)
def test_a_client_cannot_have_the_environment_told_by_a_batch(tmp_path: Path, leak: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            there.face.editor = StationFile(there.file, {"PSU_PORT": "/dev/ttyUSB0", "K": "secret"})
            before = there.file.read_text()
            wanted = {"sequencePackage": "power_board", "simulate": True, **leak}
            body = problem(await there.call("POST", "/api/batches", json={"id": "batch_3", **wanted}), 422, "bad-batch")
            assert "by hand" in body["detail"]
            problem(await there.call("PUT", "/api/batches/batch_2", json=wanted), 422, "bad-batch")
            assert there.file.read_text() == before
            known = {**wanted, "id": "batch_3", "hardware": {"psu": {"port": "${PSU_PORT}"}}, "parameters": {}}
            status, body = await there.call("POST", "/api/batches", json={**known, "name": "$${K}"})
            assert (status, body["name"]) == (201, "${K}")

    run(scenario())


def test_a_batch_that_does_not_fit_its_sequence_is_told_by_field_and_not_written(tmp_path: Path) -> None:
    """With such a batch in its file the station would not start again."""

    async def scenario() -> None:
        async with world(tmp_path) as there:
            before = there.file.read_text()
            misfit = {
                "sequencePackage": "power_board",
                "hardware": {"psu": {"gate": "/dev/ttyUSB0"}, "pump": {}},
                "parameters": {"vin": 99, "vout": 5},
            }
            told = problem(await there.call("PUT", "/api/batches/batch_2", json=misfit), 422, "bad-batch")
            assert {one["field"] for one in told["errors"]} == {
                "hardware.psu.gate", "hardware.psu.port", "hardware.dmm.port", "hardware.pump", "parameters.vin",
                "parameters.vout",
            }  # fmt: skip
            problem(await there.call("POST", "/api/batches", json={"id": "batch_3", **misfit}), 422, "bad-batch")
            assert there.file.read_text() == before
            assert list(there.file.parent.glob(".station.yaml.*")) == []
            assert (await there.call("GET", "/api/batches/batch_2"))[1]["sequencePackage"] == "scale_check"

    run(scenario())


def test_a_file_that_is_saved_by_hand_meanwhile_is_kept_and_the_station_takes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            by_hand = there.file.read_text().replace("1라인", "일라인")

            async def saved_meanwhile(*_: object) -> list[dict[str, str]]:
                there.file.write_text(by_hand)
                return []

            there.face.catalog.misfits = saved_meanwhile  # type: ignore[assignment, method-assign]
            new = {"id": "batch_3", "sequencePackage": "power_board", "simulate": True}
            problem(await there.call("POST", "/api/batches", json=new), 409, "file-changed")
            assert there.file.read_text() == by_hand
            assert "batch_3" not in there.station.batch_ids

    run(scenario())


def test_what_the_station_refuses_at_the_last_moment_is_not_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            before = there.file.read_text()

            async def refuse(_: object) -> None:
                raise WrongStateError("somebody has just started it")

            there.station.replace_batch = refuse  # type: ignore[assignment, method-assign]
            there.station.remove_batch = refuse  # type: ignore[assignment, method-assign]
            changed = {"sequencePackage": "scale_check", "simulate": True}
            problem(await there.call("PUT", "/api/batches/batch_1", json=changed), 409, "wrong-state")
            problem(await there.call("DELETE", "/api/batches/batch_1"), 409, "wrong-state")
            assert there.file.read_text() == before
            assert list(there.file.parent.glob(".station.yaml.*")) == []

    run(scenario())


def test_a_station_without_a_file_cannot_be_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            there.face.editor = None
            problem(await there.call("DELETE", "/api/batches/batch_1"), 409, "no-file")
            _, body = await there.call("GET", "/api/batches/batch_1")
            assert body["hardware"] == {"psu": {"port": "/dev/secret"}}

    run(scenario())
