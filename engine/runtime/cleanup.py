"""``finally``: a state is left only through its cleanup, which is entered exactly once however the state is left.

Part of the interpreter, kept apart for its size: the functions here reach into it.

A transition that would leave such a state enters the cleanup instead, and is gone on with when that is done, as if no
time had passed. What leads out from further outside meanwhile is put off behind it; nothing cuts a cleanup short. When
the machine itself is to end, the cleanups that are owed run from the inside out, the flow around them stands still, and
no failure on the way keeps the next one from running.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine.chart.model import NO_VALUES, ROOT, State, Transition, Values
from engine.effects import Effect
from engine.runtime.errors import ChartRunError, MachineFaultError, MicrostepLimitError
from engine.runtime.memory import Leaving, Stage, Why
from engine.runtime.tree import is_descendant

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter
    from engine.runtime.program import Step

# ruff: noqa: SLF001

_MOST_LEFT: Final = 1000  # states left through a cleanup, one after the other, on one event


def respect(machine: Interpreter, enabled: list[Transition], event: Values) -> tuple[list[Transition], bool]:
    """Turn a transition that would leave a state with ``finally`` into one that enters its cleanup first.

    Also tells whether one was put off because the cleanup runs already.
    """
    leaving = machine._memory.leaving
    allowed: list[Transition] = []
    is_put_off = False
    if len(enabled) > 1:
        enabled = machine._program.compatible(machine._configuration, enabled, machine._memory.history)
    for transition in enabled:
        held = machine._program.first_held(machine._configuration, [transition], machine._memory)
        if held is None:
            allowed.append(transition)
            continue
        machine._save()
        running = leaving.get(held.id)
        if running is None:
            leaving[held.id] = Leaving(((transition, event),))
            allowed.append(machine._program.cleanup_of(held))
        elif transition.event is not None:  # an eventless one is tried again anyway
            is_put_off = True
            if all(known is not transition for known, _ in running.pending):
                leaving[held.id] = replace(running, pending=(*running.pending, (transition, event)))
    return allowed, is_put_off


def go_on(machine: Interpreter, effects: list[Effect]) -> list[Effect]:
    """Go on with what the cleanups that are done now had interrupted: a macrostep for each transition."""
    left = _MOST_LEFT
    while machine.is_running:
        done = _innermost(machine, "done")
        if done is None:
            break
        interrupted = machine._memory.leaving[done.id]
        machine._memory.leaving[done.id] = replace(interrupted, pending=(), stage="over")
        left -= 1
        try:
            if interrupted.why is not None:
                effects += end(machine, interrupted.why, interrupted.reason)
            elif left < 0:
                effects += after_failure(machine, MicrostepLimitError(machine.chart.name, _MOST_LEFT, (done.id,) * 2))
            else:
                for place, (transition, event) in enumerate(interrupted.pending):
                    if machine.is_running and (place == 0 or _is_active(machine, transition.source)):
                        effects += machine._run(transition.event or "always", event, transition)
        except MachineFaultError as error:
            # What was ordered so far, a cleanup's own work among it, is done all the same.
            return [*effects, *finish(machine, "faulted", str(error))]
    return effects


def after_failure(machine: Interpreter, error: ChartRunError | MicrostepLimitError) -> list[Effect]:
    """What a macrostep that failed, and was undone, leads to: the chart's own handling of it, or the end.

    Raises MachineFaultError when the chart does not handle it and has nothing to clean up.
    """
    if isinstance(error, ChartRunError):
        event = f"error.{error.kind}"
        payload = {"what": error.text, "reason": error.reason, "where": str(error.position)}
        if machine._program.candidates(machine._configuration, event):
            try:
                effects = machine._attempt(event, payload)
            except (ChartRunError, MicrostepLimitError) as second:
                error = second
            else:
                # A chart that could not even be entered has not handled that by staying nowhere.
                if not machine.was_ignored and machine._configuration.states:
                    _give_up(machine, error, "done")
                    return effects
    return _fault(machine, error)


def end(machine: Interpreter, why: Why, reason: str) -> list[Effect]:
    """End the machine through the cleanups of its active states, innermost first. One that runs already is awaited."""
    effects: list[Effect] = []
    announce(machine, why, reason)
    while True:
        state = next((s for s in reversed(machine._configuration.states) if _owes(machine, s)), None)
        if state is None:
            return [*effects, *finish(machine, why, reason)]
        if state.id in machine._memory.leaving:
            return effects
        machine._memory.leaving[state.id] = Leaving(why=why)
        ordered, failures, is_at_work = _force(machine, state)
        effects += ordered
        reason = "; ".join(filter(None, (reason, *failures)))
        begun = machine._memory.leaving[state.id]
        is_over = begun.stage == "done" or not is_at_work
        machine._memory.leaving[state.id] = replace(begun, reason=reason, stage="over" if is_over else "running")


def states_at_work(machine: Interpreter) -> frozenset[str] | None:
    """While the machine is ending, the active states of its cleanups: the flow around them stands still. Else None."""
    if all(leaving.why is None for leaving in machine._memory.leaving.values()):
        return None
    return frozenset(
        state.id
        for state in machine._configuration.states
        if any(_is_cleanup(s) and _is(machine, s.parent, "running") for s in (state, *state.ancestors()))
    )


def announce(machine: Interpreter, why: Why, reason: str) -> None:
    """Cleanups that run already lead to the end now; a stop is one also where the machine was ending by itself."""
    for name, begun in list(machine._memory.leaving.items()):
        if begun.stage == "done":
            machine._memory.leaving[name] = replace(begun, pending=(), stage="over")
        elif begun.stage == "running" and (begun.why is None or why == "stopped"):
            machine._memory.leaving[name] = replace(begun, pending=(), why=why, reason=begun.reason or reason)


def _force(machine: Interpreter, state: State) -> tuple[list[Effect], list[str], bool]:
    """Enter a state's cleanup whatever the actions on the way do: each is tried, and what could be done stays done.

    Also tells what failed, and whether the cleanup is at work now; without its timers and services it never ends.
    """
    program = machine._program
    machine._begin()
    machine._note_event(f"finally {state.finally_}", NO_VALUES)
    step = program.step(machine._configuration, [program.cleanup_of(state)], machine._memory.history)
    failures, is_at_work = _try(machine, step)
    machine._enact(step)
    effects = machine._hand_over()
    machine._keep()
    try:
        machine._come_to_rest(NO_VALUES)
    except (ChartRunError, MicrostepLimitError) as error:
        machine._undo(step.configuration, was_running=True)
        failures.append(str(error))
        is_at_work = False
    effects += machine._hand_over()
    machine._tell(effects, "; ".join(failures))
    return effects, failures, is_at_work


def _try(machine: Interpreter, step: Step) -> tuple[list[str], bool]:
    failures: list[str] = []
    is_whole = True
    written = {action.run for action in step.actions}
    for operation in step.operations:
        try:
            operation(machine, NO_VALUES)
        except Exception as error:  # noqa: BLE001 - told in the machine's end
            failures.append(str(machine._blamed(step, operation, error)))
            is_whole = is_whole and operation in written
    machine._live = None
    return failures, is_whole


def finish(machine: Interpreter, why: Why, reason: str) -> list[Effect]:
    """Leave all that is active, and end. A fault leaves nothing in order: only its cleanups were sure to run."""
    machine._begin()
    machine._note_event("end", NO_VALUES)
    failures: list[str] = []
    if why != "faulted":
        failures, _ = _try(machine, machine._program.ending_step(machine._configuration))
    machine._finish(why, "; ".join(filter(None, (reason, *failures))), NO_VALUES)
    effects = machine._hand_over()
    machine._tell(effects, "; ".join(failures))
    return effects


def _fault(machine: Interpreter, error: ChartRunError | MicrostepLimitError) -> list[Effect]:
    ending = next((begun for begun in machine._memory.leaving.values() if begun.why is not None), None)
    given_up = _give_up(machine, error, "over")
    if ending is not None and ending.why is not None:
        innermost = _innermost(machine, "running")
        if not given_up and innermost is not None:
            _set_stage(machine, innermost, "over")
        return end(machine, ending.why, "; ".join(filter(None, (ending.reason, str(error)))))
    if any(_owes(machine, state) for state in machine._configuration.states):
        return end(machine, "faulted", str(error))
    machine.is_running, machine.ended = False, f"the machine has faulted: {error}"
    raise MachineFaultError(str(error)) from error


def _give_up(machine: Interpreter, error: ChartRunError | MicrostepLimitError, stage: Stage) -> bool:
    """A cleanup that failed, and did not handle that itself, waits for nothing any more."""
    states = machine.chart.states
    handled_in = {t.source for t in machine.transitions[machine._taken :]}
    given_up = False
    for state in machine._configuration.states:
        if not _is(machine, state, "running"):
            continue
        cleanup = states[str(state.finally_)]
        inside = {s.id for s in machine.chart.in_order if s is cleanup or is_descendant(s, cleanup)}
        if not inside.isdisjoint(error.sources) and inside.isdisjoint(handled_in):
            _set_stage(machine, state, stage)
            given_up = True
    return given_up


def _set_stage(machine: Interpreter, state: State, stage: Stage) -> None:
    leaving = machine._memory.leaving
    leaving[state.id] = replace(leaving[state.id], stage=stage)


def _innermost(machine: Interpreter, stage: Stage) -> State | None:
    return next((s for s in reversed(machine._configuration.states) if _is(machine, s, stage)), None)


def _is(machine: Interpreter, state: State | None, stage: Stage) -> bool:
    begun = machine._memory.leaving.get(state.id) if state is not None else None
    return begun is not None and begun.stage == stage


def _owes(machine: Interpreter, state: State) -> bool:
    return state.finally_ is not None and not _is(machine, state, "over")


def _is_cleanup(state: State) -> bool:
    return state.parent is not None and state.parent.finally_ == state.id


def _is_active(machine: Interpreter, source: str) -> bool:
    return source == ROOT or source in machine._configuration.ids
