"""``/api/batches``: their lives, what runs in them, and manual control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from engine.station.catalog import CatalogError
from engine.station.describe import LIFE
from engine.station.editing import Draft, EditError, StationFile
from engine.station.errors import (
    CommandError,
    NoSuchBatchError,
    NoSuchPromptError,
    ParametersError,
    WrongStateError,
)
from engine.station.web import batch_models as models
from engine.station.web.face import Actor, TheFace
from engine.station.web.lights import lit
from engine.station.web.problems import FieldProblem, ProblemError, conflict, documented, not_found, unfit

router = APIRouter(prefix="/api/batches", tags=["batches"])

BatchId = Annotated[str, Path(max_length=255, examples=["batch_1"])]
_DOES: dict[int | str, dict[str, Any]] = documented(404, 409)


@contextmanager
def told(batch_id: str) -> Iterator[None]:
    """What the station says no with, as problems."""
    try:
        yield
    except NoSuchBatchError as error:
        raise not_found("batch", batch_id) from error
    except NoSuchPromptError as error:
        raise ProblemError(404, "unknown-prompt", str(error)) from error
    except WrongStateError as error:
        raise conflict("wrong-state", str(error)) from error
    except ParametersError as error:
        fields = [
            FieldProblem(field=f"parameters.{one.field}".rstrip("."), message=one.message, code=one.code)
            for one in error.problems
        ]
        raise ProblemError(422, "bad-parameters", str(error), errors=fields) from error
    except CommandError as error:
        if error.code == "no_choice":
            raise unfit("answer", str(error), "no-choice") from error
        raise conflict(error.code.replace("_", "-"), str(error)) from error


@router.get("", response_model_exclude_none=True)
async def list_batches(face: TheFace) -> list[models.BatchState]:
    """How all batches are."""
    return [models.state(one) for one in face.station.statuses()]


@router.get("/{batch_id}", response_model_exclude_none=True, responses=documented(404))
async def get_batch(face: TheFace, batch_id: BatchId) -> models.BatchDetail:
    """One batch with its settings."""
    with told(batch_id):
        status, settings = face.station.status(batch_id), face.station.batch_settings(batch_id)
    written = await face.editor.written(batch_id) if face.editor is not None else None
    return models.detail(status, settings, written)


@router.post("/{batch_id}/start", response_model_exclude_none=True, responses=_DOES)
async def start_batch(face: TheFace, actor: Actor, batch_id: BatchId) -> models.Started:
    """Start a batch's process; answered when it is ready. A cleanup that is owed is done first."""
    with told(batch_id):
        status = await face.station.start_batch(batch_id, actor=actor)
    if status.status == "error":
        raise conflict("start-failed", status.reason or "the batch could not be started")
    return models.Started(status=status.status, pid=status.pid)  # type: ignore[arg-type] # one of the five


@router.post("/{batch_id}/stop", responses=_DOES)
async def stop_batch(face: TheFace, actor: Actor, batch_id: BatchId) -> models.Stopped:
    """End a batch's process, through the cleanup of what runs."""
    with told(batch_id):
        status = await face.station.stop_batch(batch_id, actor=actor)
    return models.Stopped(status=status.status)  # type: ignore[arg-type] # one of the five


@router.post("/{batch_id}/restart", response_model_exclude_none=True, responses=_DOES)
async def restart_batch(face: TheFace, actor: Actor, batch_id: BatchId) -> models.Started:
    """End and start one batch's process; no other is touched."""
    with told(batch_id):
        status = await face.station.restart_batch(batch_id, actor=actor)
    return models.Started(status=status.status, pid=status.pid)  # type: ignore[arg-type] # one of the five


@router.post("/{batch_id}/sequence/start", responses=_DOES)
async def start_sequence(
    face: TheFace, actor: Actor, batch_id: BatchId, wanted: models.RunRequest | None = None
) -> models.RunStarted:
    """Run the batch's sequence once; answered when the run is on record."""
    given = wanted or models.RunRequest()
    detail: dict[str, object] = {"parameters": given.parameters, "serial": given.serial, "operator": given.operator}
    try:
        with told(batch_id):
            execution_id = await face.station.start_sequence(
                batch_id, given.parameters, serial=given.serial, operator=given.operator or actor
            )
    except ProblemError as error:
        if error.status != 404:  # noqa: PLR2004 - the code of the answer
            await face.note(actor, "sequence.start", batch_id, detail, f"{error.code}: {error.detail}")
        raise
    await face.note(actor, "sequence.start", batch_id, detail, f"ok: {execution_id}")
    return models.RunStarted(execution_id=execution_id)


@router.post("/{batch_id}/sequence/stop", responses=_DOES)
async def stop_sequence(
    face: TheFace, actor: Actor, batch_id: BatchId, wanted: models.StopRequest | None = None
) -> models.Stopped:
    """Stop what runs, through its cleanup; answered at once."""
    reason = (wanted or models.StopRequest()).reason
    with told(batch_id):
        status = await face.station.stop_sequence(batch_id, reason, actor=actor)
    return models.Stopped(status=status.status)  # type: ignore[arg-type] # one of the five


@router.post("/{batch_id}/sequence/resume", responses=_DOES)
async def resume_sequence(face: TheFace, actor: Actor, batch_id: BatchId) -> models.RunStarted:
    """Go on with the run that a crash has interrupted, at the step that it was at; answered when that is on record.

    Only where the sequence says `resumable: true` of that step, and only before the cleanup (`after_crash: ask`): the
    hardware is as the crash has left it. `resumable` of the batch tells whether, and where.
    """
    with told(batch_id):
        return models.RunStarted(execution_id=await face.station.resume_sequence(batch_id, actor=actor))


@router.post("/{batch_id}/manual", response_model_exclude_none=True, responses=_DOES)
async def run_command(
    face: TheFace, actor: Actor, batch_id: BatchId, wanted: models.ManualRequest
) -> models.CommandResult:
    """Give hardware one command; only while nothing runs. What the driver says no with stands in `error`."""
    with told(batch_id):
        found = await face.station.manual(batch_id, wanted.hardware, wanted.command, wanted.params, actor=actor)
    if found.get("problem"):
        raise unfit("command", str(found["problem"]), "no-such-command")
    error = found.get("error")
    return models.CommandResult(
        success=error is None, value=found.get("value"), error=error, duration=float(found.get("duration") or 0.0)
    )


@router.get("/{batch_id}/prompts", response_model_exclude_none=True, responses=documented(404))
async def list_prompts(face: TheFace, batch_id: BatchId) -> list[models.Prompt]:
    """The questions that wait for an answer."""
    with told(batch_id):
        return [models.prompt(one) for one in face.station.status(batch_id).prompts]


@router.post("/{batch_id}/prompts/answer", status_code=204, responses=_DOES)
async def answer_prompt(face: TheFace, actor: Actor, batch_id: BatchId, said: models.Answer) -> None:
    """Answer a question."""
    with told(batch_id):
        await face.station.answer(batch_id, said.prompt_id, said.answer, actor=actor)


@router.post("/{batch_id}/cleanup", responses=_DOES)
async def run_cleanup(
    face: TheFace,
    actor: Actor,
    batch_id: BatchId,
    do: Annotated[Literal["run", "waive"], Query(description="`waive`: nobody cleans up.")] = "run",
) -> models.Stopped:
    """Do the cleanup that a batch is owed after a crash, or let it be."""
    with told(batch_id):
        act = face.station.run_cleanup if do == "run" else face.station.waive_cleanup
        status = await act(batch_id, actor=actor)
    return models.Stopped(status=status.status)  # type: ignore[arg-type] # one of the five


@router.post("", status_code=201, response_model_exclude_none=True, responses=documented(409))
async def create_batch(face: TheFace, actor: Actor, wanted: models.NewBatch) -> models.BatchDetail:
    """A new batch, written into station.yaml with everything that stands there kept; it is idle.

    It runs a sequence: a gateway's line, with its ports and its place, is written into station.yaml by hand.
    """
    if wanted.id in face.station.batch_ids:
        raise conflict("batch-exists", f"there is a batch '{wanted.id}' already")
    await _check_package(face, wanted.sequence_package)
    values = {name: value for name, value in models.written(wanted).items() if value != models.USUAL.get(name)}
    async with _drafted(face, lambda file: file.add(wanted.id, values)) as draft:
        await _check_fit(face, draft, wanted.id)
        with told(wanted.id):
            await face.station.add_batch(draft.batch(wanted.id))
    await face.note(actor, "batch.create", wanted.id, values, "ok")
    return await get_batch(face, wanted.id)


@router.put("/{batch_id}", response_model_exclude_none=True, responses=_DOES)
async def change_batch(
    face: TheFace, actor: Actor, batch_id: BatchId, wanted: models.BatchRequest
) -> models.BatchDetail:
    """Other settings for a batch that rests, written into station.yaml."""
    with told(batch_id):
        _refuse_unless_resting(face, batch_id)
    await _check_package(face, wanted.sequence_package)
    values = models.written(wanted)
    async with _drafted(face, lambda file: file.replace(batch_id, values, models.USUAL)) as draft:
        await _check_fit(face, draft, batch_id)
        with told(batch_id):
            await face.station.replace_batch(draft.batch(batch_id))
    await face.note(actor, "batch.change", batch_id, values, "ok")
    return await get_batch(face, batch_id)


@router.delete("/{batch_id}", status_code=204, responses=_DOES)
async def delete_batch(face: TheFace, actor: Actor, batch_id: BatchId) -> None:
    """Take a batch that rests out of station.yaml; its results stay."""
    with told(batch_id):
        _refuse_unless_resting(face, batch_id)
    async with _drafted(face, lambda file: file.remove(batch_id)):
        with told(batch_id):
            await face.station.remove_batch(batch_id)
    face.hub.forget(batch_id)
    await face.note(actor, "batch.delete", batch_id, {}, "ok")


def _refuse_unless_resting(face: TheFace, batch_id: str) -> None:
    status = face.station.status(batch_id)
    if status.status not in {"idle", "error"} or status.owes_cleanup:
        owed = ", and a cleanup is owed" if status.owes_cleanup else ""
        raise conflict("wrong-state", f"batch '{batch_id}' is {status.status}{owed}; stop it first")


async def _check_package(face: TheFace, name: str) -> None:
    try:
        found = await face.catalog.find(name)
    except CatalogError as error:
        raise ProblemError(503, "catalog-failed", str(error)) from error
    if found is None:
        raise unfit("sequencePackage", f"no sequence is called '{name}'", "unknown-sequence")
    if found["problems"]:
        raise unfit("sequencePackage", f"'{name}' cannot be run: {found['problems'][0]}", "broken-sequence")


async def _check_fit(face: TheFace, draft: Draft, batch_id: str) -> None:
    """A file with a batch that does not fit its sequence would keep the station from its next start."""
    assert face.editor is not None
    try:
        found = await face.catalog.misfits(draft.file, face.editor.env, batch_id)
    except CatalogError as error:
        raise ProblemError(503, "catalog-failed", str(error)) from error
    if found:
        detail = "; ".join(f"{one['field']}: {one['message']}" for one in found)
        raise ProblemError(422, "bad-batch", detail, errors=[FieldProblem(**one) for one in found])
    if not draft.is_current():  # before the station has taken it
        raise conflict("file-changed", "station.yaml has been changed by somebody else meanwhile; try again")


@asynccontextmanager
async def _drafted(face: TheFace, do: Callable[[StationFile], Draft]) -> AsyncIterator[Draft]:
    """A change of the file, which holds once the station has taken it: what it refuses is not written."""
    if face.editor is None:
        raise conflict("no-file", "this station has no station.yaml to write to")
    async with face.editing:
        try:
            draft = await asyncio.to_thread(do, face.editor)
        except EditError as error:
            raise ProblemError(422, "bad-batch", str(error)) from error
        try:
            yield draft
            draft.commit()
        except EditError as error:
            raise ProblemError(503, "not-written", str(error)) from error
        finally:
            draft.drop()


_SVG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The drawing.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}


@router.get("/{batch_id}/chart", response_class=Response, responses={**documented(404, 501), **_SVG})
async def draw_chart(
    face: TheFace,
    batch_id: BatchId,
    of: Annotated[
        Literal["sequence", "life"], Query(description="The batch's sequence, or its own life as a chart.")
    ] = "sequence",
) -> Response:
    """The chart as SVG, with the states lit that are active now."""
    with told(batch_id):
        settings = face.station.batch_settings(batch_id)
        active = face.station.configuration(batch_id) if of == "life" else face.hub.running(batch_id)
    try:
        svg = await face.catalog.drawing(LIFE if of == "life" else settings.package)
    except CatalogError as error:
        raise ProblemError(501, "no-drawing", str(error)) from error
    return Response(lit(svg, active), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
