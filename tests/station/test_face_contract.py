"""Schemathesis against the OpenAPI: whatever it makes up, no answer is one that the document does not know."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from asyncio.subprocess import PIPE, STDOUT
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from engine.station.web.examples import ANSWERS
from tests.station.face_kit import execution, run, step, world

SETTINGS = Path(__file__).with_name("schemathesis.toml")
NOW = datetime(2026, 1, 31, tzinfo=UTC)

needs_it = pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="Schemathesis is not installed")


async def tried(folder: Path, *options: str, wants_key: bool = False) -> None:
    async with world(folder, wants_key=wants_key) as there:
        done = execution(1)
        await there.station.commit(done, step(done, 1, "rail", 3.3))
        there.station.set("batch_2", status="running", state="free", pid=1)
        header = ["-H", f"X-API-Key: {there.face.door.ring.new('contract', NOW)}"] if wants_key else []
        async with there.served() as server:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run", *header, *options,
                "--no-color", f"{server.url}/api/openapi.json", cwd=folder, stdout=PIPE, stderr=STDOUT,
            )  # fmt: skip
            out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()[-6000:]


@needs_it
def test_schemathesis_finds_nothing_in_a_short_run(tmp_path: Path) -> None:
    run(tried(tmp_path, "--phases", "examples,fuzzing", "--max-examples", "4", "--seed", "1"), 120)


@needs_it
@pytest.mark.torture
@pytest.mark.parametrize("wants_key", [False, True])
def test_schemathesis_finds_nothing_in_long_runs(tmp_path: Path, wants_key: bool) -> None:  # noqa: FBT001 - parametrized
    run(tried(tmp_path, "--max-examples", "60", wants_key=wants_key), 600)


def test_the_document_has_an_example_for_whatever_is_sent_and_names_every_problem(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            status, document = await there.call("GET", "/api/openapi.json")
            assert status == 200
            assert document["openapi"] == "3.1.0"
            problem = {"$ref": "#/components/schemas/Problem"}
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    where = f"{method} {path}"
                    assert operation["summary"], where
                    assert operation["tags"], where
                    for code in ("401", "422", "503"):
                        content = operation["responses"][code]["content"]
                        assert list(content) == ["application/problem+json"], where
                        assert content["application/problem+json"]["schema"] == problem, where
            assert "security" not in document
            shapes = document["components"]["schemas"]
            for name in ("RunRequest", "ManualRequest", "NewBatch", "Answer", "Login", "StopRequest", "Problem"):
                fields = shapes[name]["properties"]
                assert any("examples" in one for one in fields.values()), name

    run(scenario())


def test_the_document_has_an_example_of_every_answer_that_fits_its_shape(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as there:
            _, document = await there.call("GET", "/api/openapi.json")
            for shape in document["components"]["schemas"].values():
                shape["additionalProperties"] = False  # an example names nothing that there is not
            used = set()
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    for status, response in operation["responses"].items():
                        for media_type, content in response.get("content", {}).items():
                            shape = {**content["schema"], "components": document["components"]}
                            jsonschema.Draft202012Validator(shape).validate(content["example"])
                            if status.startswith("2"):
                                used.add((method, path, media_type))
                            else:
                                assert content["example"]["status"] == int(status)
            assert used == {(*route, media_type) for route, answers in ANSWERS.items() for media_type in answers}

    run(scenario())


def test_the_document_says_where_a_key_is_needed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, wants_key=True) as there:
            key = there.face.door.ring.new("contract", NOW)
            _, document = await there.call("GET", "/api/openapi.json", headers={"X-API-Key": key})
            assert document["security"] == [{"key": []}, {"bearer": []}]
            open_ = {
                path for path, methods in document["paths"].items() if methods.get("post", {}).get("security") == []
            }
            assert open_ == {"/api/session"}
            assert (await there.call("GET", "/api/batches"))[0] == 401
            assert (await there.call("DELETE", "/api/session"))[0] == 204

    run(scenario())
