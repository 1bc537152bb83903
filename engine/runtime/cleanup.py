"""``finally``: a state is left only through its cleanup, which is entered exactly once however the state is left.

Part of the interpreter, kept apart for its size: the functions here reach into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.chart.model import NO_VALUES, State, Transition, Values
from engine.effects import Effect
from engine.errors import EngineError
from engine.runtime.memory import Leaving

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

# ruff: noqa: SLF001

_OVER = Leaving(is_over=True)


def respect(machine: Interpreter, enabled: list[Transition], event: Values) -> list[Transition]:
    """Turn a transition that would leave a state with ``finally`` into one that enters its cleanup first."""
    allowed: list[Transition] = []
    leaving = machine._memory.leaving
    for transition in enabled:
        held = machine._program.first_held(machine._configuration, [transition], machine._memory)
        if held is None:
            allowed.append(transition)
        elif held.id not in leaving:
            machine._save()
            leaving[held.id] = Leaving((transition,), event)
            allowed.append(machine._program.cleanup_of(held))
        # else: its cleanup runs already; neither a second exit nor an event of the flow cuts it short
    return allowed


def is_owed(machine: Interpreter) -> bool:
    """Whether an active state has a cleanup that has not begun."""
    return any(_owes(machine, state) for state in machine._configuration.states)


def end(machine: Interpreter, leaving: Leaving) -> list[Effect]:
    """End the machine through the cleanups of its active states, innermost first. One that runs already is awaited."""
    machine._begin()
    before = machine._configuration
    assert leaving.why is not None
    try:
        _go_towards_end(machine, leaving)
        if machine.is_running:
            machine._settle(NO_VALUES)
            machine._start_invokes(NO_VALUES)
    except EngineError as error:
        # The cleanup itself cannot be entered: nothing is left but to end, and to say so.
        machine._undo(before, was_running=True)
        machine._finish("faulted", f"{leaving.reason or leaving.why}; cleanup failed: {error}", NO_VALUES)
    return machine._hand_over()


def go_on(machine: Interpreter, event: str) -> None:
    """Go on with what a cleanup interrupted, if this event says that it is done."""
    for state in reversed(machine._configuration.states):
        if state.finally_ is None or event != f"done.state.{state.finally_}":
            continue
        interrupted = machine._memory.leaving.get(state.id)
        if interrupted is None or interrupted.is_over:
            continue
        machine._save()
        machine._memory.leaving[state.id] = _OVER
        if interrupted.why is not None:
            _go_towards_end(machine, interrupted)
            return
        taken = respect(machine, list(interrupted.transitions), interrupted.event)
        if taken:
            _take(machine, taken, interrupted.event)
        return


def forget_left(machine: Interpreter) -> None:
    """A state that was left may be entered, and its cleanup run, again."""
    leaving = machine._memory.leaving
    gone = [name for name in leaving if name not in machine._configuration.ids]
    if gone:
        machine._save()
        for name in gone:
            del machine._memory.leaving[name]


def _owes(machine: Interpreter, state: State) -> bool:
    return state.finally_ is not None and state.id not in machine._memory.leaving


def _go_towards_end(machine: Interpreter, leaving: Leaving) -> None:
    """Into the innermost cleanup that is owed; or, with none left, to the end itself."""
    memory = machine._memory
    for state in reversed(machine._configuration.states):
        running = memory.leaving.get(state.id)
        if running is not None and not running.is_over:
            if running.why is None:  # when it is done, end instead of going on
                machine._save()
                memory.leaving[state.id] = leaving
            return
        if _owes(machine, state):
            machine._save()
            memory.leaving[state.id] = leaving
            _take(machine, [machine._program.cleanup_of(state)], NO_VALUES)
            return
    assert leaving.why is not None
    machine._finish(leaving.why, leaving.reason, NO_VALUES)


def _take(machine: Interpreter, transitions: list[Transition], event: Values) -> None:
    step = machine._program.step(machine._configuration, transitions, machine._memory.history)
    machine._perform(step, event)
