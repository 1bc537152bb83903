"""A machine's whole state as JSON, and back: taken between macrosteps only, with the chart's name, version and hash.

Restoring to a changed chart works where the states still exist; otherwise it is refused with what is missing. Secrets
are never written, and the times of a window's samples as their ages. Timers come back by their policy (resume the
remainder, restart, fire at once); a service that was running is started again if it is repeatable, otherwise its
``error`` outcome is taken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, get_args

from engine.bindings.types import ValueType
from engine.bindings.window import Window
from engine.chart.model import Chart, State, StateKind, Transition
from engine.effects import Effect, SendEvent, StartInvoke
from engine.errors import UnitError
from engine.runtime import cleanup
from engine.runtime.codec import decode_map, decode_value, encode_value
from engine.runtime.errors import ChartRunError, SnapshotError
from engine.runtime.memory import Leaving, Memory, Stage, Why
from engine.runtime.tree import is_descendant
from engine.units import Quantity

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

# ruff: noqa: SLF001 - a part of the interpreter, kept apart for its size

FORMAT: Final = 1
_CRASH: Final = "interrupted by a crash"


def take(machine: Interpreter, monotonic: float, now: datetime) -> dict[str, Any]:
    """The machine as a JSON document. Raises SnapshotError for data that JSON cannot carry."""
    chart, memory = machine.chart, machine._memory
    return {
        "format": FORMAT,
        "chart": chart.name,
        "version": chart.version,
        "hash": chart.content_hash,
        "taken_at": now.isoformat(),
        "configuration": [s.id for s in machine._configuration.states],
        "history": {name: [s.id for s in states] for name, states in memory.history.items()},
        "data": {
            name: encode_value(_moved(value, -monotonic) if isinstance(value, Window) else value, name)
            for name, value in machine.data.items()
        },
        "timers": {key: max(deadline - monotonic, 0.0) for key, deadline in memory.timers.items()},
        "delayed": {
            key: {"to": m.to, "event": m.event, "data": encode_value(m.data, key)} for key, m in memory.delayed.items()
        },
        "invokes": list(memory.invokes),
        "leaving": {name: _encode_leaving(machine, name, why) for name, why in memory.leaving.items()},
    }


def restore(machine: Interpreter, snapshot: Mapping[str, Any], monotonic: float, now: datetime) -> list[Effect]:
    """Put a machine where the snapshot was taken; answers with the effects that make it go on.

    A state with ``finally`` that is not marked ``persist`` is left by the crash: its cleanup is entered, or gone on
    with, and then the machine ends (``restored``). Raises SnapshotError and changes nothing when the snapshot is
    damaged or the chart does not fit.
    """
    try:
        states = _fitting_states(machine, snapshot)
        found = _read(machine, snapshot, states, _Moment(monotonic, now))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, UnitError) as error:
        raise SnapshotError(f"the snapshot is damaged: {type(error).__name__}: {error}") from error
    machine._memory = Memory(history=found.history, leaving=found.leaving)
    machine._configuration = machine._program.configuration_of(states)
    machine._monotonic, machine._now = monotonic, now
    machine.data, machine.transitions = found.data, ()
    machine._internal.clear()
    machine._begin()
    machine.is_running, machine.ended = True, ""
    is_left = any(s.finally_ is not None and not s.is_persistent for s in states)
    going_on = [machine.chart.root, *states]
    if is_left:
        cleanup.announce(machine, "restored", _CRASH)
        at_work = cleanup.states_at_work(machine) or frozenset()
        going_on = [s for s in states if s.id in at_work]
    for key, message in found.delayed.items():
        machine.send_later(key, found.timers.get(key, 0.0), message)
    try:
        _restore_timers(machine, going_on, found)
    except ChartRunError as error:
        machine.is_running = False
        raise SnapshotError(str(error)) from error
    interrupted = _restart_invokes(machine, going_on, found)
    effects = machine._hand_over()
    if is_left:
        effects += cleanup.end(machine, "restored", _CRASH)
    for key, reason in interrupted:
        effects += machine.resolve(key, "error", {"reason": reason}, monotonic, now)
    return effects


# Whether it fits -----------------------------------------------------------------------------------------------------


def _fitting_states(machine: Interpreter, snapshot: Mapping[str, Any]) -> list[State]:
    chart = machine.chart
    if snapshot.get("format") != FORMAT:
        raise SnapshotError(f"the snapshot's format is {snapshot.get('format')!r}; this program reads {FORMAT}")
    if snapshot.get("chart") != chart.name:
        raise SnapshotError(f"the snapshot is of chart '{snapshot.get('chart')}', not of '{chart.name}'")
    names = list(dict.fromkeys(map(str, snapshot["configuration"])))
    missing = [name for name in names if name not in chart.states]
    if missing:
        raise SnapshotError(
            f"the snapshot of chart '{chart.name}' {snapshot.get('version')} stands in states that are gone: "
            + ", ".join(missing)
        )
    states = sorted((chart.states[name] for name in names), key=lambda s: s.order)
    broken = _why_illegal(states, chart.root)
    if broken:
        raise SnapshotError(f"the snapshot's states {', '.join(s.id for s in states)} do not go together now: {broken}")
    return states


def _why_illegal(states: list[State], root: State) -> str:
    active = {s.id for s in states}
    for state in states:
        if state.kind.is_history:
            return f"'{state.id}' is a history state, which is never active"
        if state.parent is not None and state.parent is not root and state.parent.id not in active:
            return f"'{state.id}' lies in '{state.parent.id}', which is not active"
    for state in [root, *states]:
        regions = [c for c in state.children if not c.kind.is_history]
        inside = [c for c in regions if c.id in active]
        if state.kind is StateKind.PARALLEL and len(inside) != len(regions):
            return f"'{state.id}' has regions that are not active"
        if state.kind is StateKind.COMPOUND and len(inside) != 1:
            return (
                f"'{state.id if state is not root else 'the chart'}' needs exactly one active child, not {len(inside)}"
            )
    return ""


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a machine is restored."""

    monotonic: float
    now: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """A snapshot, read."""

    is_same_chart: bool
    data: dict[str, object]
    history: dict[str, tuple[State, ...]]
    timers: dict[str, float]  # what was left of them, in seconds
    delayed: dict[str, SendEvent]
    invokes: frozenset[str]
    leaving: dict[str, Leaving]


def _read(machine: Interpreter, snapshot: Mapping[str, Any], active: list[State], moment: _Moment) -> _Found:
    chart = machine.chart
    is_same = snapshot.get("hash") == chart.content_hash
    down_s = max((moment.now - datetime.fromisoformat(snapshot["taken_at"])).total_seconds(), 0.0)
    timers = {str(key): float(left) for key, left in snapshot["timers"].items()}
    if not all(math.isfinite(left) and left >= 0 for left in timers.values()):
        raise SnapshotError("the snapshot is damaged: a timer's remainder is no time")
    return _Found(
        is_same,
        _read_data(chart, snapshot["data"], moment.monotonic - down_s, is_same=is_same),
        _read_history(chart, snapshot["history"], is_same=is_same),
        timers,
        {
            str(key): SendEvent(str(one["to"]), str(one["event"]), decode_map(one["data"]))
            for key, one in snapshot["delayed"].items()
        },
        frozenset(map(str, snapshot["invokes"])),
        _read_leaving(machine, snapshot["leaving"], active, is_same=is_same),
    )


def _read_history(chart: Chart, written: Mapping[str, Any], *, is_same: bool) -> dict[str, tuple[State, ...]]:
    """Where the flow is to come back to; what a changed chart has no place for is forgotten."""
    found: dict[str, tuple[State, ...]] = {}
    for name, ids in written.items():
        owner = chart.states.get(name)
        remembered = tuple(chart.states[one] for one in ids if one in chart.states)
        if owner is not None and len(remembered) == len(ids) and _may_be_remembered(owner, remembered):
            found[name] = remembered
        elif is_same:
            raise SnapshotError(f"the snapshot is damaged: '{name}' cannot remember {', '.join(map(str, ids))}")
    return found


def _may_be_remembered(owner: State, remembered: tuple[State, ...]) -> bool:
    """Whether these states can be entered together inside of what a history state, or one with ``finally``, is for."""
    place = owner.parent if owner.kind.is_history else owner if owner.finally_ is not None else None
    if place is None or not all(is_descendant(s, place) and not s.kind.is_history for s in remembered):
        return False
    if owner.kind is StateKind.SHALLOW_HISTORY and not all(s.parent is place for s in remembered):
        return False
    entered = {id(s): s for one in remembered for s in (one, *one.ancestors()) if is_descendant(s, place)}
    inside = Counter(id(s.parent) for s in entered.values() if s.parent and s.parent.kind is StateKind.COMPOUND)
    return all(count == 1 for count in inside.values())


def _read_leaving(
    machine: Interpreter, written: Mapping[str, Any], active: list[State], *, is_same: bool
) -> dict[str, Leaving]:
    names = {state.id for state in active}
    found: dict[str, Leaving] = {}
    for state in active:
        if state.finally_ is not None and state.id in written:
            leaving = _decode_leaving(machine, written[state.id], is_same=is_same)
            # A cleanup that the chart has exchanged for another meanwhile is owed again.
            if leaving.stage == "over" or state.finally_ in names:
                found[state.id] = leaving
    return found


def _read_data(chart: Chart, written: Mapping[str, Any], began_at: float, *, is_same: bool) -> dict[str, object]:
    """The values of the data variables; ``began_at`` is the time that a window's ages are counted from."""
    data: dict[str, object] = {}
    for name, declared in chart.data.items():
        data[name] = declared.default
        if name not in written or declared.type.name == "secret":
            continue  # a secret is never written; its owner tells it again
        value = decode_value(written[name])
        if isinstance(value, Window):
            value = _moved(value, began_at)
        if _is_of(value, declared.type):
            data[name] = value
        elif is_same:
            raise SnapshotError(f"the snapshot is damaged: '{name}' is no {declared.type.name}")
    return data


_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,), "uuid": (str,), "choice": (str,), "flag": (bool,), "int": (int,), "number": (int, float),
    "duration": (int, float), "mass": (Quantity,), "time": (datetime,), "list": (list,), "map": (dict,),
    "window": (Window,), "any": (object,),
}  # fmt: skip


def _is_of(value: object, type_: ValueType) -> bool:
    if value is None:
        return type_.name != "window"  # which is empty, never nothing
    if isinstance(value, bool) and type_.name not in {"flag", "any"}:
        return False
    return isinstance(value, _PYTHON_TYPES[type_.name]) and (not type_.choices or value in type_.choices)


def _moved(window: Window, by: float) -> Window:
    """The window with the times of its samples moved: a monotonic clock begins anew with every start of a computer."""
    samples = [sample._replace(at=sample.at + by) for sample in window]
    return Window(samples, 0, len(samples))


# Timers and services -------------------------------------------------------------------------------------------------


def _restore_timers(machine: Interpreter, states: Iterable[State], found: _Found) -> None:
    for state in states:
        for timer in state.timers:
            left = found.timers.get(timer.key)
            if found.is_same_chart and left is None:
                continue  # it has fired already
            if timer.on_restore == "fire":
                left = 0.0
            if not found.is_same_chart or left is None or timer.on_restore == "restart":
                machine._start_timer(timer, {})  # a changed chart's timers begin anew
            else:
                machine._wake_after(left, timer.key)


def _restart_invokes(machine: Interpreter, states: Iterable[State], found: _Found) -> list[tuple[str, str]]:
    """Start again what may be repeated; answers with the rest, whose ``error`` outcome is to be taken, and why."""
    interrupted: list[tuple[str, str]] = []
    for state in states:
        for invoke in state.invokes:
            if invoke.key not in found.invokes:
                continue
            machine._invoke_count += 1
            key = f"{invoke.key}:{machine._invoke_count}"
            machine._memory.invokes[invoke.key] = key
            if not invoke.service.is_repeatable:
                interrupted.append((key, "interrupted by a restart"))
                continue
            try:
                args = invoke.args(machine.data, machine.settings, {}, machine)
                if invoke.timeout is not None:
                    machine._start_timer(invoke.timeout, {})
            except Exception as error:  # noqa: BLE001 - the outcome tells the chart
                interrupted.append((key, f"not repeated: {error}"))
                continue
            machine._effects.append(StartInvoke(key, invoke.service.name, args))
    return interrupted


# Values --------------------------------------------------------------------------------------------------------------


def _encode_leaving(machine: Interpreter, state: str, leaving: Leaving) -> dict[str, Any]:
    pending = [[*_place_of(machine, t), encode_value(event, state)] for t, event in leaving.pending]
    return {"pending": pending, "why": leaving.why, "reason": leaving.reason, "stage": leaving.stage}


def _decode_leaving(machine: Interpreter, written: Mapping[str, Any], *, is_same: bool) -> Leaving:
    why, reason, stage = written["why"], str(written["reason"]), written["stage"]
    if why not in (None, *get_args(Why)) or stage not in get_args(Stage):
        raise ValueError(f"{why!r}, {stage!r}")
    if written["pending"] and not is_same:
        # The chart has changed under a cleanup: what comes after it cannot be known, so the machine begins anew.
        return Leaving(why="restored", reason="the chart changed", stage=stage)
    pending = []
    for source, index, event in written["pending"]:
        state = machine.chart.states.get(source, machine.chart.root)
        pending.append((state.transitions[index], decode_map(event)))
    return Leaving(tuple(pending), why, reason, stage)


def _place_of(machine: Interpreter, transition: Transition) -> tuple[str, int]:
    source = machine.chart.states.get(transition.source, machine.chart.root)
    return transition.source, source.transitions.index(transition)
