"""One batch in the master: its life is the chart ``batch``, and this is what the station asks of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

import structlog

from engine.chart.declare import resolve_settings
from engine.chart.model import Chart
from engine.events import Event
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program
from engine.service.host import MachineHost, Surroundings
from engine.station.batch_work import BatchWork
from engine.station.errors import (
    CommandError,
    NoSuchPromptError,
    WrongStateError,
)
from engine.station.hall import Command, Execution
from engine.station.rpc import RemoteError
from engine.station.status import BatchStatus

log = structlog.get_logger(__name__)

# What a state of the chart comes to, for whoever asked for something that it does not allow.
_UNDERWAY: Final[Mapping[str, str]] = {
    "boot": "what an earlier station left of it is being looked at",
    "idle": "it has no process; start it first",
    "replacing": "its process is being replaced by a fresh one",
    "spawning": "its process is being started",
    "free": "it is ready, and nothing runs in it",
    "executing": "a sequence runs in it",
    "resuming": "a sequence runs in it",
    "commanding": "a manual command is under way",
    "stopping": "its process is being ended",
    "leaving": "its process has ended",
    "settling": "its process has died, and what that leaves is being recorded",
    "withdrawing": "its process is being ended",
    "asking": "it owes a cleanup, and waits for somebody to run or to waive it",
    "recovering": "its cleanup is under way",
    "unclean": "its cleanup could not be done; run it again, or waive it",
    "waiving": "its cleanup is being waived",
    "faulted": "it has failed; start it again",
}


class Batch(BatchWork):
    """A batch as its station sees it."""

    # What the station asks -------------------------------------------------------------------------------------------

    def begin(self, chart: Chart, around: Surroundings, tasks: asyncio.TaskGroup) -> None:
        """Enter the chart."""
        given = {
            "after_crash": self.settings.after_crash,
            "restart": self.settings.restart,
            "work": "sequence" if self.settings.line is None else "line",
        }
        settings = resolve_settings(chart.settings, given, [])
        machine = SimpleNamespace(interpreter=Interpreter(Program(chart), settings))
        self._tasks = tasks
        self.host = MachineHost(self.id, machine, around, on_change=lambda _host: self._moved())
        self.host.start()

    def status(self) -> BatchStatus:
        """How it is now."""
        progress, process, data = self.progress, self.process, self.host.interpreter.data
        can_resume = bool(data.get("resumable")) and self.refusal("sequence.resume") is None
        return BatchStatus(
            id=self.id,
            name=self.settings.name,
            status=self._status(),
            state=self.host.states[0] if self.host.states else "",
            pid=process.pid if process is not None and process.is_alive else None,
            reason=str(data.get("reason", "")),
            owes_cleanup=bool(data.get("owes", False)),
            line_state=self.progress.line_state,
            resumable={"execution_id": str(data["interrupted"]), "step": str(data["resumable"])}
            if can_resume
            else None,
            sequence_name=str(process.facts.get("name", "")) if process is not None else "",
            sequence_version=str(process.facts.get("version", "")) if process is not None else "",
            **progress.told(self.hall.clock),
        )

    def refusal(self, event: str) -> str | None:
        """Why the chart would do nothing on an event now; None when it would."""
        reasons = self.host.interpreter.why(event)
        if any("would be taken" in reason for reason in reasons):
            return None
        told = [reason for reason in reasons if not reason.startswith("nothing handles")]  # a guard's, with its values
        underway = [_UNDERWAY[state] for state in self.host.states if state in _UNDERWAY]
        return f"batch '{self.id}' is {self._status()}: {'; '.join([*underway, *told] or reasons)}"

    def line_moved(self, state: str) -> None:
        """Its line is in another state."""
        self.progress.line_state = state
        self._changed_now()

    def post(self, event: str, data: Mapping[str, object] | None = None) -> None:
        """Give the chart an event. Raises WrongStateError when it would do nothing on it."""
        reason = self.refusal(event)
        if reason is not None:
            raise WrongStateError(reason)
        self.host.post(Event(event, data or {}, "station"))

    async def wait_while(self, *statuses: str) -> BatchStatus:
        """Until its status is none of these."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._status() not in statuses)
        return self.status()

    async def wait_settled(self) -> BatchStatus:
        """Until nothing is under way by itself: no start, no stop, no recovery."""
        async with self._changed:
            await self._changed.wait_for(self._is_settled)
        return self.status()

    async def wait_execution(self, execution_id: str) -> None:
        """Until this execution is not the one that runs."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.progress.execution_id != execution_id)

    async def start_sequence(self, parameters: Mapping[str, object], serial: str, operator: str) -> str:
        """Begin an execution; its id, once it is on record. Raises WrongStateError, ParametersError, CommandError."""
        execution_id = str(uuid.uuid4())
        loop = asyncio.get_running_loop()
        wanted = Execution(
            {**self.settings.parameters, **parameters}, serial, operator, loop.create_future(), loop.create_future()
        )
        reason = self.refusal("sequence.start")
        if reason is not None:
            raise WrongStateError(reason)
        self._executions[execution_id] = wanted
        self.post("sequence.start", {"execution": execution_id})
        await asyncio.shield(wanted.begun)
        return execution_id

    async def resume_sequence(self) -> str:
        """Go on with the execution that was interrupted; its id, once it is on record that it runs again.

        Raises WrongStateError, and CommandError when it could not be gone on with; then its cleanup is still owed.
        """
        execution_id = str(self.host.interpreter.data["interrupted"])
        loop = asyncio.get_running_loop()
        wanted = Execution({}, "", "", loop.create_future(), loop.create_future())
        reason = self.refusal("sequence.resume")
        if reason is not None:
            raise WrongStateError(f"{self._why_not_resumable()} ({reason})")
        self._executions[execution_id] = wanted
        self.post("sequence.resume")
        await asyncio.shield(wanted.begun)
        return execution_id

    def _why_not_resumable(self) -> str:
        if self.settings.after_crash != "ask":
            return "a crash is cleaned up after at once here (after_crash: cleanup); nothing is left to go on with"
        if "asking" in self.host.states:
            return "the process did not die at a step of which the sequence says 'resumable: true'"
        return "a run can be gone on with after a crash and before its cleanup, not now"

    async def manual(self, hardware: str, command: str, params: Mapping[str, object]) -> Mapping[str, Any]:
        """One command. Raises WrongStateError, CommandError."""
        number = str(uuid.uuid4())
        wanted = Command(hardware, command, params, asyncio.get_running_loop().create_future())
        reason = self.refusal("manual.run")
        if reason is not None:
            raise WrongStateError(reason)
        self._commands[number] = wanted
        self.post("manual.run", {"command": number})
        return await asyncio.shield(wanted.answer)

    async def answer(self, prompt_id: str, text: str) -> None:
        """Answer a question. Raises NoSuchPromptError, CommandError."""
        process = self.process
        if process is None or prompt_id not in self.progress.prompts:
            raise NoSuchPromptError(f"no question '{prompt_id}' waits in batch '{self.id}'")
        try:
            await process.rpc.call("answer", {"prompt_id": prompt_id, "text": text}, within=5.0)
        except RemoteError as error:
            if error.code == "no_prompt":
                raise NoSuchPromptError(str(error)) from error
            raise CommandError(error.code, str(error)) from error
        self.progress.close(prompt_id)

    def _is_settled(self) -> bool:
        if self._status() in {"starting", "stopping"}:
            return False
        return not {"settling", "owing", "withdrawing", "recovering", "waiving"} & set(self.host.states)
