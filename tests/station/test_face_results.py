"""Sequences, results, reports, logs and the station itself over the API: every route, every error."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from structlog.testing import capture_logs

from engine.sequence.records import ExecutionStatus, StepStatus, Verdict
from engine.station.bus import CRASH
from engine.store.station_ports import SyncAttempt
from tests.station.face_kit import START, World, execution, problem, run, step, world

UNKNOWN = "00000000-0000-4000-8000-999999999999"


# -- sequences --------------------------------------------------------------------------------------------------------


def test_sequences_are_told_with_parameters_steps_and_the_commands_of_their_hardware(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            status, listed = await there.call("GET", "/api/sequences")
            assert status == 200
            assert [one["name"] for one in listed] == ["power_board", "scale_check"]
            status, one = await there.call("GET", "/api/sequences/power_board")
            assert status == 200
            vin = one["parameters"][0]
            assert (vin["name"], vin["unit"], vin["min"], vin["max"]) == ("vin", "V", 9.0, 16.0)
            psu = one["hardware"][0]
            on = next(command for command in psu["commands"] if command["name"] == "on")
            units = {argument["name"]: argument["unit"] for argument in on["arguments"]}
            assert (units, on["unit"]) == ({"voltage": "V", "current": "A"}, "")
            dmm = {command["name"]: command["unit"] for command in one["hardware"][1]["commands"]}
            assert dmm == {"identify": "", "read": "V"}
            assert [step["name"] for step in one["cleanup"]] == ["power_off"]
            problem(await there.call("GET", "/api/sequences/nowhere"), 404, "unknown-sequence")

    run(scenario())


# -- results ----------------------------------------------------------------------------------------------------------


async def some_results(there: World) -> None:
    first = execution(1, serial="A", operator="kim")
    second = execution(2, verdict=Verdict.FAIL, serial="A")
    third = execution(3, batch_id="batch_2", sequence_name="scale_check", status=ExecutionStatus.RUNNING, verdict=None)
    await there.station.commit(
        first, step(first, 1, "rail", 3.3), step(first, 2, "=cmd()", result={"value": {"gap": None}}),
        second, step(second, 1, "rail", 4.5, verdict=Verdict.FAIL, error="too high"),
        third, step(third, 1, "skipped", status=StepStatus.SKIPPED, verdict=None),
    )  # fmt: skip
    await there.station.store.interrupt(third.execution_id, "its process died", needs_cleanup=False)


def test_results_are_paged_with_their_total_and_found_by_every_filter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await some_results(there)

            async def found(query: str) -> list[int]:
                status, page = await there.call("GET", f"/api/results?{query}")
                assert status == 200
                return [int(one["id"][-4:]) for one in page["items"]]

            _, page = await there.call("GET", "/api/results?limit=2&offset=1")
            assert (page["total"], page["offset"], page["limit"]) == (3, 1, 2)
            assert [int(one["id"][-4:]) for one in page["items"]] == [2, 1]
            assert "steps" not in page["items"][0]
            assert await found("batch=batch_2") == [3]
            assert await found("sequence=power_board") == [2, 1]
            assert await found("status=failed") == [3]
            assert await found("status=completed&pass=true") == [1]
            assert await found("pass=false") == [3, 2]
            assert await found("serial=A") == [2, 1]
            assert await found("since=2026-01-31T09:00:02Z") == [3, 2]
            assert await found("until=2026-01-31T18:00:02%2B09:00") == [1]
            assert await found("batch=nowhere") == []

    run(scenario())


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("offset=-1", "offset"),
        ("status=interrupted", "status"), ("pass=yes", "pass"), ("since=0", "since"), ("since=2026-01-31", "since"),
        ("until=2026-01-31T09:00:00", "until"), ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("since=2026-13-01T00:00:00Z", "since"), ("serial=" + "x" * 256, "serial"),
        ("statu=failed", "statu"), ("limit=5&Pass=false", "Pass"), ("status=failed&status=stopped", "status"),
    ],
)  # fmt: skip
def test_a_filter_that_is_none_is_told_by_its_name(tmp_path: Path, query: str, field: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            problem(await there.call("GET", f"/api/results?{query}"), 422, "bad-request", field)

    run(scenario())


def test_a_result_has_the_shape_of_the_requirements(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, backend=True) as there:
            await some_results(there)
            id_ = execution(1).execution_id
            await there.station.store.save_attempts([SyncAttempt(id_, is_delivered=True)])
            status, body = await there.call("GET", f"/api/results/{id_}")
            assert status == 200
            assert {name: body[name] for name in ("batchId", "sequenceName", "sequenceVersion", "status")} == {
                "batchId": "batch_1", "sequenceName": "power_board", "sequenceVersion": "1.2.0", "status": "completed",
            }  # fmt: skip
            assert body["overallPass"] is True
            assert body["duration"] == 1.0
            assert body["startedAt"] == "2026-01-31T09:00:01Z"
            assert body["syncedAt"].endswith("Z")
            rail, other = body["steps"]
            assert (rail["name"], rail["order"], rail["status"], rail["pass"]) == ("rail", 1, "completed", True)
            assert rail["measurements"] == [
                {"name": "v", "value": 3.3, "unit": "V", "verdict": "pass", "limits": "3.0 ... 4.0"}
            ]
            assert other["result"] == {"value": {"gap": None}}
            _, died = await there.call("GET", f"/api/results/{execution(3).execution_id}")
            assert (died["status"], died["reason"], died["isInterrupted"]) == ("failed", "its process died", True)
            assert died["steps"][0]["status"] == "skipped"
            problem(await there.call("GET", f"/api/results/{UNKNOWN}"), 404, "unknown-result")

    run(scenario())


def test_a_result_is_exported_as_json_csv_and_junit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            await some_results(there)
            url = f"/api/results/{execution(1).execution_id}"
            whole = (await there.call("GET", url))[1]
            response = await there.client.get(f"{url}/export?format=json")
            assert response.json() == whole
            assert "attachment" in response.headers["content-disposition"]
            response = await there.client.get(f"{url}/export?format=csv")
            rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
            assert [(row["step"], row["measurement"], row["value"]) for row in rows] == [
                ("rail", "v", "3.3"), ("'=cmd()", "", ""),
            ]  # fmt: skip
            response = await there.client.get(f"{url}/export?format=junit")
            suite = ET.fromstring(response.text)[0]
            assert suite.get("tests") == "2"
            facts = {one.get("name"): one.get("value") for one in suite.iter("property")}
            assert (facts["serial"], facts["operator"]) == (whole["serial"], whole["operator"]) == ("A", "kim")
            problem(await there.call("GET", f"{url}/export?format=xlsx"), 422, "bad-request", "format")
            problem(await there.call("GET", f"/api/results/{UNKNOWN}/export"), 404, "unknown-result")

    run(scenario())


# -- the station ------------------------------------------------------------------------------------------------------


def test_health_tells_what_the_operators_guide_looks_at(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            status, body = await there.call("GET", "/api/system/health")
            assert status == 200
            assert body["backend_connected"] is False
            assert body["batches"] == {"idle": 2}
            assert 0 < body["diskPercent"] <= 100
            assert (body["queueDepth"], body["queueParked"]) == (0, 0)
            there.station.set("batch_1", status="error")
            assert (await there.call("GET", "/api/system/health"))[1]["status"] == "degraded"
            status, body = await there.call("GET", "/api/system/info")
            assert (status, body["id"], body["name"], body["authRequired"]) == (200, "line-1", "1라인", False)
            problem(await there.call("POST", "/api/system/sync"), 409, "no-backend")

    run(scenario())


def test_logs_are_found_by_batch_level_and_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            bus = there.station.bus
            bus.publish("log", "batch_1", {"level": "info", "message": "Measuring voltage..."}, START)
            bus.publish("error", "batch_1", {"code": "STEP_ERROR", "message": "timeout", "step": "look"})
            bus.publish(CRASH, "batch_2", {"reason": "killed"})
            there.face.logbook.take(
                "station.api.opened", {"level": "warning", "timestamp": START.isoformat(), "url": "http://x"}
            )
            there.face.logbook.take("no.time", {})

            async def lines(query: str) -> list[str]:
                return [one["message"] for one in (await there.call("GET", f"/api/logs?{query}"))[1]]

            assert await lines("") == [
                "station.api.opened", "crash: killed", "error: timeout", "Measuring voltage...",
            ]  # fmt: skip
            assert await lines("batch=batch_1&level=error") == ["error: timeout"]
            assert await lines("text=VOLTAGE") == ["Measuring voltage..."]
            assert await lines("after=3") == ["station.api.opened"]
            assert await lines("limit=1") == ["station.api.opened"]
            problem(await there.call("GET", "/api/logs?level=loud"), 422, "bad-request", "level")

    run(scenario())


def test_what_there_is_not_is_told_as_a_problem_with_what_there_would_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            problem(await there.call("GET", "/api/nothing"), 404, "unknown-path")
            assert (await there.call("GET", "/api/batches?_=17"))[0] == 200  # takes none: against caches
            response = await there.client.patch("/api/batches/batch_1")
            assert response.status_code == 405
            assert response.headers["allow"] == "DELETE, GET, PUT"
            assert response.headers["content-type"] == "application/problem+json"

    run(scenario())


def test_a_store_that_fails_and_a_bug_are_told_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:

            async def broken(*_: object) -> Any:
                raise RuntimeError("secret detail")

            there.station.store.page = broken  # type: ignore[method-assign]
            with capture_logs() as logs:
                body = problem(await there.call("GET", "/api/results"), 500, "bug")
            assert logs[0]["event"] == "station.request.failed"
            assert "secret" not in json.dumps(body)
            await there.station.store.close()
            problem(await there.call("GET", "/api/audit"), 503, "store-failed")

    run(scenario())


# -- reports ----------------------------------------------------------------------------------------------------------


def test_the_yield_report_counts_units_failing_steps_and_capability(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            values = [(1, "A", 3.5, Verdict.PASS), (2, "B", 4.5, Verdict.FAIL), (3, "B", 3.6, Verdict.PASS)]
            for number, serial, value, verdict in values:
                one = execution(number, serial=serial, verdict=verdict)
                flat = step(one, 2, "flat", 1.0, verdict=verdict)
                await there.station.commit(one, step(one, 1, "rail", value, verdict=verdict), flat)
            late = execution(4, verdict=Verdict.ERROR, status=ExecutionStatus.FAILED)
            await there.station.commit(late, step(late, 1, "power_on", verdict=Verdict.ERROR, status=StepStatus.FAILED))
            await there.station.commit(replace(execution(5), status=ExecutionStatus.RUNNING, verdict=None))

            status, body = await there.call("GET", "/api/reports/yield")
            assert status == 200
            assert (body["runs"], body["passed"], body["units"]) == (4, 2, 3)
            assert body["firstPassYield"] == pytest.approx(1 / 3)
            assert body["finalYield"] == pytest.approx(2 / 3)
            assert body["verdicts"] == {"pass": 2, "fail": 1, "error": 1}
            assert [(one["step"], one["runs"]) for one in body["pareto"]] == [("flat", 1), ("power_on", 1), ("rail", 1)]
            assert body["pareto"][-1]["cumulative"] == pytest.approx(1)
            flat_, rail = body["measurements"]
            assert (rail["count"], rail["failed"], rail["low"], rail["high"]) == (3, 1, 3.0, 4.0)
            mean, deviation = (3.5 + 4.5 + 3.6) / 3, 0.5507570547286102  # of the sample
            assert rail["mean"] == pytest.approx(mean)
            assert rail["deviation"] == pytest.approx(deviation)
            assert rail["cpk"] == pytest.approx((4.0 - mean) / (3 * deviation))
            assert rail["cp"] == pytest.approx(1.0 / (6 * deviation))
            assert flat_["cpk"] is None
            _, only = await there.call("GET", "/api/reports/yield?serial=B")
            assert (only["runs"], only["units"], only["firstPasses"], only["finalPasses"]) == (2, 1, 0, 1)
            _, nothing = await there.call("GET", "/api/reports/yield?batch=none")
            assert (nothing["runs"], nothing["firstPassYield"], nothing["measurements"]) == (0, None, [])
            text = (await there.client.get("/api/reports/yield?format=csv")).content.decode("utf-8-sig")
            assert "pareto,rail,,,runs,1" in text.splitlines()
            problem(await there.call("GET", "/api/reports/yield?format=pdf"), 422, "bad-request", "format")

    run(scenario())


def test_a_page_of_many_results_is_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            many = [execution(n, started_at=START + timedelta(seconds=n)) for n in range(600)]
            await there.station.commit(*many)
            _, page = await there.call("GET", "/api/results?limit=500&offset=500")
            assert (len(page["items"]), page["total"]) == (100, 600)

    run(scenario())
