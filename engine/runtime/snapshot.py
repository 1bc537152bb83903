"""A machine's whole state as JSON, and back: taken between macrosteps only, with the chart's name, version and hash.

Restoring to a changed chart works where the states still exist; otherwise it is refused with what is missing. Secrets
are never written, and the times of a window's samples as their ages. Timers come back by their policy (resume the
remainder, restart, fire at once); a service that was running is started again if it is repeatable, otherwise its
``error`` outcome is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args

from engine.bindings.types import ValueType
from engine.bindings.window import Sample, Window
from engine.chart.model import Chart, State, StateKind, Transition, Values
from engine.effects import Effect, Perform, SendEvent, StartInvoke
from engine.errors import EngineError, UnitError
from engine.ports import Secret
from engine.runtime import cleanup
from engine.runtime.errors import ChartRunError
from engine.runtime.memory import Leaving, Memory, Stage, Why
from engine.units import Quantity

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

# ruff: noqa: SLF001 - a part of the interpreter, kept apart for its size

FORMAT: Final = 1
_CRASH: Final = "interrupted by a crash"


class SnapshotError(EngineError):
    """A snapshot cannot be taken or restored; the text says why and what is missing."""


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
    machine.is_running = True
    is_left = any(s.finally_ is not None and not s.is_persistent for s in states)
    if is_left:
        cleanup.announce(machine, "restored", _CRASH)
        at_work = cleanup.states_at_work(machine) or frozenset()
        states = [s for s in states if s.id in at_work]
    for key, message in found.delayed.items():
        machine.send_later(key, found.timers.get(key, 0.0), message)
    try:
        _restore_timers(machine, states, found)
    except ChartRunError as error:
        machine.is_running = False
        raise SnapshotError(str(error)) from error
    interrupted = _restart_invokes(machine, states, found)
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
    for state in [root, *states]:
        if state.kind.is_history:
            return f"'{state.id}' is a history state, which is never active"
        if state.parent is not None and state.parent is not root and state.parent.id not in active:
            return f"'{state.id}' lies in '{state.parent.id}', which is not active"
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
    if not all(left >= 0 for left in timers.values()):
        raise SnapshotError("the snapshot is damaged: a timer's remainder is no time")
    return _Found(
        is_same,
        _read_data(chart, snapshot["data"], moment.monotonic - down_s, is_same=is_same),
        {
            name: tuple(chart.states[i] for i in ids)
            for name, ids in snapshot["history"].items()
            if name in chart.states and all(i in chart.states for i in ids)
        },
        timers,
        {
            str(key): SendEvent(str(one["to"]), str(one["event"]), decode_value(one["data"]))
            for key, one in snapshot["delayed"].items()
        },
        frozenset(map(str, snapshot["invokes"])),
        {
            state.id: _decode_leaving(machine, snapshot["leaving"][state.id], is_same=is_same)
            for state in active
            if state.finally_ is not None and state.id in snapshot["leaving"]
        },
    )


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
        values: Values = decode_value(event)
        pending.append((state.transitions[index], values))
    return Leaving(tuple(pending), why, reason, stage)


def _place_of(machine: Interpreter, transition: Transition) -> tuple[str, int]:
    source = machine.chart.states.get(transition.source, machine.chart.root)
    return transition.source, source.transitions.index(transition)


def encode_effects(effects: Iterable[Effect]) -> list[Any]:
    """What is to be done and leaves no trace in the machine itself: actions and messages. Raises SnapshotError."""
    return [
        {"do": effect.action, "with": encode_value(effect.args, effect.action)}
        if isinstance(effect, Perform)
        else {"send": effect.event, "to": effect.to, "with": encode_value(effect.data, effect.event)}
        for effect in effects
        if isinstance(effect, Perform | SendEvent)
    ]


def decode_effects(written: Iterable[Mapping[str, Any]]) -> list[Effect]:
    """What :func:`encode_effects` wrote."""
    return [
        Perform(one["do"], decode_value(one["with"]))
        if "do" in one
        else SendEvent(one["to"], one["send"], decode_value(one["with"]))
        for one in written
    ]


def encode_value(value: object, where: str) -> Any:
    """A value as JSON. Raises SnapshotError for one that JSON cannot carry, naming ``where`` it is; drops secrets."""
    match value:
        case Secret():
            return None
        case None | bool() | int() | float() | str():
            return value
        case Quantity():
            return {"$quantity": [str(value.value), value.unit]}
        case datetime():
            return {"$time": value.isoformat()}
        case Decimal():
            return {"$decimal": str(value)}
        case bytes():
            return {"$bytes": value.hex()}
        case Window():
            return {"$window": [[encode_value(part, where) for part in sample] for sample in value]}
        case list() | tuple():
            return [encode_value(item, where) for item in value]
        case Mapping():
            return {"$map": {str(key): encode_value(item, where) for key, item in value.items()}}
    raise SnapshotError(f"'{where}' holds a {type(value).__name__}, which a snapshot cannot carry")


def decode_value(value: Any) -> Any:
    """The value that :func:`encode_value` was given."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return _DECODERS[kind](inner)


def _decode_window(samples: list[list[Any]]) -> Window:
    return Window([Sample(*map(decode_value, sample)) for sample in samples], 0, len(samples))


_DECODERS: Final[dict[str, Any]] = {
    "$quantity": lambda pair: Quantity(Decimal(pair[0]), pair[1]),
    "$time": datetime.fromisoformat,
    "$decimal": Decimal,
    "$bytes": bytes.fromhex,
    "$window": _decode_window,
    "$map": lambda inner: {key: decode_value(item) for key, item in inner.items()},
}
