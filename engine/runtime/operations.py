"""What a microstep consists of: each function makes one operation of a plan.

They reach into the interpreter: it and its plans are one thing, kept in several files for their size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine.chart.model import NO_VALUES, Invoke, State, Timer, Values
from engine.runtime.errors import ChartRunError
from engine.runtime.memory import Leaving

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

# ruff: noqa: SLF001

Operation = Callable[["Interpreter", Values], None]

_BY_THE_FLOW: Final = Leaving()  # nothing waits for the cleanup's end


def remember(memory: dict[str, tuple[State, ...]]) -> Operation:
    """History states, and states whose cleanup begins, remember where the flow was."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._save()
        machine._memory.history.update(memory)

    return operation


def leave(state: State) -> Operation:
    """The state is left: In() says so to the actions after this."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._live = (machine._configuration.ids if machine._live is None else machine._live) - {state.id}

    return operation


def arrive(state: State) -> Operation:
    """The state is entered: In() says so to the actions after this."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._live = (machine._configuration.ids if machine._live is None else machine._live) | {state.id}

    return operation


def arrived(machine: Interpreter, _event: Values) -> None:
    """The microstep's last operation where In() is asked."""
    machine._live = None


def start_timer(timer: Timer) -> Operation:
    """A timer begins to run."""

    def operation(machine: Interpreter, event: Values) -> None:
        machine._start_timer(timer, event)

    return operation


def stop_timer(timer: Timer) -> Operation:
    """A timer is no longer wanted."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._stop_timer(timer.key)

    return operation


def want_invoke(invoke: Invoke) -> Operation:
    """A service is to be started, if its state is still active when the macrostep ends."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._wanted.append(invoke)

    return operation


def stop_invoke(invoke: Invoke) -> Operation:
    """A service is no longer wanted."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._stop_invoke(invoke)

    return operation


def begin_cleanup(state: State) -> Operation:
    """The ``finally`` of a state is entered."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._save()
        machine._memory.leaving.setdefault(state.id, _BY_THE_FLOW)

    return operation


def end_cleanup(state: State) -> Operation:
    """The ``finally`` of a state has done its work."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine._save()
        leaving = machine._memory.leaving
        begun = leaving.get(state.id, _BY_THE_FLOW)
        if begun.stage == "running":
            leaving[state.id] = replace(begun, stage="done")

    return operation


def forget_cleanup(state: State) -> Operation:
    """A state with ``finally`` is left; entered again, it has its cleanup before it again."""

    def operation(machine: Interpreter, _event: Values) -> None:
        if state.id in machine._memory.leaving:
            machine._save()
            del machine._memory.leaving[state.id]

    return operation


def raise_done(cleanup: State) -> Operation:
    """An atomic cleanup is done."""

    def operation(machine: Interpreter, _event: Values) -> None:
        machine.raise_event(f"done.state.{cleanup.id}", NO_VALUES)

    return operation


def finish(final: State, completed_parallel: str | None) -> Operation:
    """A final state is entered: what it completes says so, or the machine ends."""
    parent = final.parent
    is_top = parent is None or parent.parent is None

    def operation(machine: Interpreter, event: Values) -> None:
        data = _done_data(final, machine, event)
        if is_top:
            machine._finish("done", "", data)
            return
        assert parent is not None
        machine.raise_event(f"done.state.{parent.id}", data)
        if completed_parallel is not None:
            machine.raise_event(f"done.state.{completed_parallel}", NO_VALUES)

    return operation


def _done_data(final: State, machine: Interpreter, event: Values) -> Values:
    if final.done_data is None:
        return NO_VALUES
    try:
        return final.done_data(machine.data, machine.settings, event, machine)
    except Exception as error:
        raise ChartRunError("action", f"done of {final.id}", final.position, error) from error
