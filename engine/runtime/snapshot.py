"""A machine's whole state as JSON, and back: taken between macrosteps only, with the chart's name, version and hash.

Restoring to a changed chart works where the states still exist; otherwise it is refused with what is missing. Secrets
are never written. Timers come back by their policy (resume the remainder, restart, fire at once); a service that was
running is started again if it is repeatable, otherwise its ``error`` outcome is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from engine.bindings.window import Sample, Window
from engine.chart.model import State, Values
from engine.effects import Effect, Perform, SendEvent, StartInvoke
from engine.errors import EngineError
from engine.ports import Secret
from engine.runtime import cleanup
from engine.runtime.memory import Leaving, Memory
from engine.units import Quantity

if TYPE_CHECKING:
    from engine.runtime.interpreter import Interpreter

# ruff: noqa: SLF001 - a part of the interpreter, kept apart for its size

FORMAT: Final = 1
_SEND: Final = "send/"


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
        "data": {name: encode_value(value, name) for name, value in machine.data.items()},
        "timers": {key: max(deadline - monotonic, 0.0) for key, deadline in memory.timers.items()},
        "delayed": {
            key: {"to": m.to, "event": m.event, "data": encode_value(m.data, key)} for key, m in memory.delayed.items()
        },
        "invokes": list(memory.invokes),
        "leaving": {name: _encode_leaving(machine, name, why) for name, why in memory.leaving.items()},
    }


def restore(machine: Interpreter, snapshot: Mapping[str, Any], monotonic: float, now: datetime) -> list[Effect]:
    """Put a machine where the snapshot was taken; answers with the effects that make it go on.

    A state with ``finally`` that is not marked ``persist`` is left by the crash, so its cleanup is entered; one whose
    cleanup was running goes on with it. Raises SnapshotError and changes nothing when the chart does not fit.
    """
    states = _fitting_states(machine, snapshot)
    chart = machine.chart
    same = snapshot.get("hash") == chart.content_hash
    machine.data = {name: declared.default for name, declared in chart.data.items()}
    for name, value in snapshot["data"].items():
        if name in machine.data and not (value is None and machine.data[name] is not None):
            machine.data[name] = decode_value(value)
    machine._memory = memory = Memory()
    machine._configuration = machine._program.configuration_of(states)
    machine._monotonic, machine._now = monotonic, now
    machine._begin()
    machine.is_running = True
    for name, ids in snapshot["history"].items():
        if name in chart.states and all(i in chart.states for i in ids):
            memory.history[name] = tuple(chart.states[i] for i in ids)
    _restore_sends(machine, snapshot)
    _restore_timers(machine, snapshot, same=same)
    for name, written in snapshot["leaving"].items():
        memory.leaving[name] = _decode_leaving(machine, written)
    if any(s.finally_ is not None and not s.is_persistent and s.id not in memory.leaving for s in states):
        effects = machine._hand_over()
        return [*effects, *cleanup.end(machine, Leaving(why="restored", reason="interrupted by a crash"))]
    return _restart_invokes(machine, snapshot, monotonic, now)


def _fitting_states(machine: Interpreter, snapshot: Mapping[str, Any]) -> list[State]:
    chart = machine.chart
    if snapshot.get("format") != FORMAT:
        raise SnapshotError(f"the snapshot's format is {snapshot.get('format')!r}; this program reads {FORMAT}")
    if snapshot.get("chart") != chart.name:
        raise SnapshotError(f"the snapshot is of chart '{snapshot.get('chart')}', not of '{chart.name}'")
    missing = [name for name in snapshot["configuration"] if name not in chart.states]
    if missing:
        raise SnapshotError(
            f"the snapshot of chart '{chart.name}' {snapshot.get('version')} stands in states that are gone: "
            + ", ".join(missing)
        )
    states = [chart.states[name] for name in snapshot["configuration"]]
    broken = _why_illegal(states, chart.root)
    if broken:
        raise SnapshotError(f"the snapshot's states {', '.join(s.id for s in states)} do not go together now: {broken}")
    return states


def _why_illegal(states: list[State], root: State) -> str:
    active = {s.id for s in states}
    for state in [root, *states]:
        if state.parent is not None and state.parent is not root and state.parent.id not in active:
            return f"'{state.id}' lies in '{state.parent.id}', which is not active"
        inside = [c for c in state.children if c.id in active]
        regions = [c for c in state.children if not c.kind.is_history]
        if state.kind.value == "parallel" and len(inside) != len(regions):
            return f"'{state.id}' has regions that are not active"
        if state.kind.value == "compound" and len(inside) != 1:
            return (
                f"'{state.id if state is not root else 'the chart'}' needs exactly one active child, not {len(inside)}"
            )
    return ""


# Timers, sends and services ------------------------------------------------------------------------------------------


def _restore_timers(machine: Interpreter, snapshot: Mapping[str, Any], *, same: bool) -> None:
    remaining = snapshot["timers"]
    for state in machine._configuration.states:
        for timer in state.timers:
            left = remaining.get(timer.key)
            if same and left is None:
                continue  # it has fired already
            if timer.on_restore == "fire":
                left = 0.0
            if not same or left is None or timer.on_restore == "restart":
                machine._start_timer(timer, {})  # a changed chart's timers begin anew
            else:
                machine._wake_after(left, timer.key)


def _restore_sends(machine: Interpreter, snapshot: Mapping[str, Any]) -> None:
    for key, written in snapshot["delayed"].items():
        message = SendEvent(written["to"], written["event"], decode_value(written["data"]))
        machine.send_later(key, snapshot["timers"].get(key, 0.0), message)
    machine._saved = None


def _restart_invokes(
    machine: Interpreter, snapshot: Mapping[str, Any], monotonic: float, now: datetime
) -> list[Effect]:
    interrupted: list[str] = []
    for state in machine._configuration.states:
        for invoke in state.invokes:
            if invoke.key not in snapshot["invokes"]:
                continue
            machine._invoke_count += 1
            key = f"{invoke.key}:{machine._invoke_count}"
            machine._memory.invokes[invoke.key] = key
            if not invoke.service.is_repeatable:
                interrupted.append(key)
                continue
            args = invoke.args(machine.data, machine.settings, {}, machine)
            machine._effects.append(StartInvoke(key, invoke.service.name, args))
            if invoke.timeout is not None:
                machine._start_timer(invoke.timeout, {})
    effects = machine._hand_over()
    for key in interrupted:
        effects += machine.resolve(key, "error", {"reason": "interrupted by a restart"}, monotonic, now)
    return effects


# Values --------------------------------------------------------------------------------------------------------------


def _encode_leaving(machine: Interpreter, state: str, leaving: Leaving) -> dict[str, Any]:
    return {
        "why": leaving.why,
        "reason": leaving.reason,
        "is_over": leaving.is_over,
        "event": encode_value(leaving.event, state),
        "transitions": [list(_place_of(machine, t)) for t in leaving.transitions],
    }


def _decode_leaving(machine: Interpreter, written: Mapping[str, Any]) -> Leaving:
    found = []
    for source, index in written["transitions"]:
        state = machine.chart.states.get(source)
        if state is None or index >= len(state.transitions):
            # The chart has changed under a cleanup: what comes after it cannot be known, so the machine begins anew.
            return Leaving(why="restored", reason="the chart changed")
        found.append(state.transitions[index])
    event: Values = decode_value(written["event"])
    return Leaving(tuple(found), event, written["why"], written["reason"], written["is_over"])


def _place_of(machine: Interpreter, transition: Any) -> tuple[str, int]:
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
    kind, inner = next(iter(value.items()))
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
