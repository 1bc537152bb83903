"""A chart as a ``python-statemachine`` class whose instances are run by our own interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

from statemachine import State, StateChart
from statemachine.configuration import Configuration
from statemachine.event_data import TriggerData
from statemachine.orderedset import OrderedSet
from statemachine.state import InstanceState

from engine.chart.compile import compile_class
from engine.chart.declare import resolve_settings
from engine.chart.model import Chart
from engine.clock import Clock, SystemClock
from engine.effects import Effect
from engine.errors import Diagnostic, DiagnosticError
from engine.runtime.interpreter import Interpreter
from engine.runtime.program import Program

Send = Callable[..., list[Effect]]


def machine_class(chart: Chart) -> type[StateChart[Any]]:
    """Compile a chart.

    Instances take ``settings`` (YAML literals or typed values), ``clock`` and ``seed``; ``start()`` and
    ``send(event, **data)`` answer with the effects; ``interpreter`` is what a host drives.
    """
    program = Program(chart)

    def __init__(  # noqa: N807 - a member of the class that is made here
        self: Any,
        settings: Mapping[str, object] | None = None,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        problems: list[Diagnostic] = []
        values = resolve_settings(chart.settings, settings or {}, problems)
        if problems:
            raise DiagnosticError(problems)
        interpreter = Interpreter(program, values, seed=seed)
        clock = clock or SystemClock()
        vars(self).update(interpreter=interpreter, _clock=clock, send=_sender(interpreter, clock))
        StateChart.__init__(self, model=_Model(interpreter, self.library_names))

    def start(self: Any) -> list[Effect]:
        effects: list[Effect] = self.interpreter.start(self._clock.monotonic(), self._clock.now())
        return effects

    def send(self: Any, event: str, /, **data: object) -> list[Effect]:
        effects: list[Effect] = vars(self)["send"](event, **data)
        return effects

    made = compile_class(
        chart,
        __init__=__init__,
        start=start,
        send=send,
        _get_engine=_engine_of,
        _build_configuration=_configuration_of,
        _register_callbacks=_register_no_callbacks,
        chart=chart,
        program=program,
    )
    for state in made.states_map.values():
        if state.id not in made._events:  # noqa: SLF001 - as the library does
            setattr(made, state.id, _StateAttribute(state))
    return made


def _sender(interpreter: Interpreter, clock: Clock) -> Send:
    """A machine's ``send``, with all that it needs at hand: it is called on every event."""
    dispatch, monotonic, now = interpreter.dispatch, clock.monotonic, clock.now

    def send(event: str, /, **data: object) -> list[Effect]:
        return dispatch(event, data, monotonic, now)

    return send


# What the library finds in an instance -------------------------------------------------------------------------------


class _Model:
    """What the library reads an instance's state from: the interpreter's configuration."""

    __slots__ = ("_interpreter", "_names")

    def __init__(self, interpreter: Interpreter, names: Mapping[str, str]) -> None:
        self._interpreter = interpreter
        self._names = names

    @property
    def state(self) -> OrderedSet[str] | None:
        """The active states by the library's names, or None before the machine was started."""
        active = self._interpreter.configuration
        return OrderedSet(self._names[name] for name in active) if active else None


class _PlanEngine:
    """Stands where the library's engine would, for ``machine.some_event(...)``: the interpreter does the work."""

    __slots__ = ("_chart_events", "_effects", "_interpreter", "_send")

    def __init__(self, machine: Any) -> None:
        self._interpreter: Interpreter = machine.interpreter
        self._chart_events: Mapping[str, str] = machine.chart_events
        self._send: Send = machine.send
        self._effects: list[Effect] = []

    @property
    def running(self) -> bool:
        """Whether the machine has been started and has not reached a top-level final state."""
        return self._interpreter.is_running

    def start(self, **_kwargs: object) -> None:
        """The owner starts the machine: it needs the effects."""

    def put(self, trigger: TriggerData, *, internal: bool = False) -> None:  # noqa: ARG002 - the library's signature
        """Take an event to completion at once."""
        assert trigger.event is not None
        name = str(trigger.event)
        self._effects = self._send(self._chart_events.get(name, name), **trigger.kwargs)

    def processing_loop(self) -> list[Effect]:
        """The effects of the event that was put."""
        effects, self._effects = self._effects, []
        return effects


class _InstanceStates(dict[Any, State]):
    """An instance's states, each made when it is first asked for: most machines are never asked."""

    __slots__ = ("_machine",)

    def __init__(self, machine: StateChart[Any]) -> None:
        self._machine = ref(machine)  # the machine holds these

    def __missing__(self, value: Any) -> State:
        machine = self._machine()
        assert machine is not None
        state = self[value] = InstanceState(machine.states_map[value], machine, self)
        return state

    def get(self, value: Any, default: Any = None) -> Any:
        """The instance's state, made if need be."""
        try:
            return self[value]
        except KeyError:
            return default


class _StateAttribute:
    """``Machine.idle`` is the class's state, ``machine.idle`` the instance's own."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def __get__(self, machine: Any, owner: type) -> State:
        if machine is None:
            return self._state
        state: State = machine._config._instance_states[self._state.value]  # noqa: SLF001 - a part of the machine
        return state


def _engine_of(machine: StateChart[Any]) -> _PlanEngine:
    return _PlanEngine(machine)


def _configuration_of(machine: StateChart[Any]) -> Configuration:
    return Configuration(_InstanceStates(machine), machine.model, machine.state_field, machine.states_map)


def _register_no_callbacks(machine: StateChart[Any], _listeners: list[object]) -> None:
    """The library calls nothing in our machines, so that there is nothing to look for."""
