"""A chart as checked data: states, transitions and declarations with their positions, and callables bound by name.

Built by ``engine.chart.build`` from a YAML document; run by ``engine.runtime``; drawn by ``engine.render``. Words are
SCXML's. Every state id is unique in its chart, so a state is named by its id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Protocol

from engine.bindings.registry import Payload, ServiceSpec
from engine.bindings.types import ValueType
from engine.effects import Effect, SendEvent
from engine.errors import Position

Values = Mapping[str, object]


class ActionMachine(Protocol):
    """What an action may do to the machine that runs it. All of it is undone when the macrostep fails.

    ``data`` are replaced and never changed: the ones from before are what a macrostep that fails goes back to.
    """

    data: dict[str, object]
    settings: Values

    def assign(self, name: str, value: object) -> None:
        """Give a data variable a new value."""
        ...

    def emit(self, effect: Effect) -> None:
        """Order something outside of the chart."""
        ...

    def raise_event(self, name: str, data: Values) -> None:
        """Put an event on the internal queue: it is handled within this macrostep."""
        ...

    def is_active(self, state: str) -> bool:
        """Whether the state is in the configuration."""
        ...

    def new_id(self) -> str:
        """A new uuid."""
        ...

    def now(self) -> datetime:
        """The calendar time of this macrostep."""
        ...

    def random(self) -> float:
        """A random number from the machine's seed, 0 <= x < 1."""
        ...

    def send_later(self, key: str, delay: float, message: SendEvent) -> None:
        """Order an event after ``delay`` seconds; a pending one of the same key is replaced."""
        ...

    def cancel_send(self, key: str) -> None:
        """Take back a delayed event, if it is still pending."""
        ...


# data, settings, the event's data, the machine. Four positionals: this is called on every event.
Evaluate = Callable[[dict[str, object], Values, Values, Any], Any]
Guard = Callable[[dict[str, object], Values, Values, Any], bool]
Action = Callable[[Any, Values], None]


class StateKind(Enum):
    """What a state is made of."""

    ATOMIC = "atomic"
    COMPOUND = "compound"
    PARALLEL = "parallel"
    FINAL = "final"
    SHALLOW_HISTORY = "shallow"
    DEEP_HISTORY = "deep"

    @property
    def is_history(self) -> bool:
        """Whether this is a pseudo-state that stands for a remembered configuration."""
        return self in {StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY}


class TransitionKind(Enum):
    """What makes a transition be tried."""

    EVENT = "on"
    ALWAYS = "always"
    TIMER = "after"
    OUTCOME = "invoke"
    FINALLY = "finally"  # into a cleanup, made by the runtime
    INITIAL = "initial"  # of a compound state, or the default of a history state


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared setting, event field or data variable."""

    name: str
    type: ValueType
    position: Position
    default: object = None
    minimum: object = None
    maximum: object = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class EventDeclaration:
    """An event that may arrive, and the fields it carries."""

    name: str
    fields: Payload
    position: Position


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that an action sends or raises, as far as the chart's text tells: None is worked out while running."""

    event: str | None
    to: str | None  # a machine's name, or a group's; ``self`` for what is raised
    fields: tuple[tuple[str, Position], ...] | None  # what it carries, and where that is written
    position: Position  # of the event's name


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a guard, an action or a whole chart names: all that can be known of it without running it."""

    reads: frozenset[str] = frozenset()  # ``data.uid``, ``settings.min_weight``, ``event.value``
    writes: frozenset[str] = frozenset()  # data variables
    sends: tuple[Sent, ...] = ()
    is_steady: bool = True  # its answer changes only with what it reads: no clock, no chance, no In()


_NO_FOOTPRINT: Final = Footprint()


@dataclass(frozen=True, slots=True)
class BoundAction:
    """An action ready to run, and how the chart wrote it (for traces, errors and pictures)."""

    text: str
    run: Action
    position: Position
    footprint: Footprint = _NO_FOOTPRINT


@dataclass(frozen=True, slots=True)
class BoundGuard:
    """A guard ready to be tried (guard: and when: together), and how the chart wrote it."""

    text: str
    test: Guard
    position: Position
    footprint: Footprint = _NO_FOOTPRINT
    constant: bool | None = None  # the answer, where it is always the same


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """One way out of (or reaction in) a state. Compared by identity: two may look alike."""

    source: str
    kind: TransitionKind
    event: str | None  # None for eventless ones; ``*`` and ``card.*`` are wildcards
    targets: tuple[str, ...]  # empty: targetless, stays and acts
    guard: BoundGuard | None
    actions: tuple[BoundAction, ...]
    position: Position
    is_internal: bool = False
    id: str | None = None
    label: str = ""  # what a picture writes: the event, ``after 30 s``, ``saved``


@dataclass(frozen=True, slots=True)
class Timer:
    """``after``: an event that a state gives itself some time after it was entered."""

    key: str  # ``state/after/0``: also the name of the event it fires
    delay: Evaluate  # seconds
    text: str
    position: Position
    on_restore: str = "resume"  # what becomes of it after a restart: resume the remainder, restart, or fire at once


@dataclass(frozen=True, slots=True)
class Invoke:
    """A service that runs while its state is active. Its outcomes are events named ``key/outcome``."""

    key: str  # ``state/invoke/0``
    service: ServiceSpec
    args: Callable[[dict[str, object], Values, Values, Any], dict[str, object]]
    timeout: Timer | None
    outcomes: tuple[str, ...]  # handled here
    position: Position
    cancel_wait: float = 0.0  # seconds that it is given to end when its state is left
    does: str = ""  # for people: what the service is to do here, where its arguments say so


@dataclass(slots=True, eq=False)
class State:
    """A node of the tree. ``order`` is its place in document order; the root has order 0 and is not written down."""

    id: str
    kind: StateKind
    order: int
    position: Position
    parent: State | None = None
    title: str = ""
    children: list[State] = field(default_factory=list)
    initial: Transition | None = None  # compound: how it is entered; history: its default
    entry: tuple[BoundAction, ...] = ()
    exit: tuple[BoundAction, ...] = ()
    transitions: list[Transition] = field(default_factory=list)  # document order, all kinds
    timers: list[Timer] = field(default_factory=list)
    invokes: list[Invoke] = field(default_factory=list)
    tags: frozenset[str] = frozenset()
    is_persistent: bool = False
    finally_: str | None = None  # the child that is entered exactly once however this state is left
    done_data: Callable[[dict[str, object], Values, Values, Any], dict[str, object]] | None = None

    @property
    def is_atomic(self) -> bool:
        """Whether it has no children that could be active inside it."""
        return self.kind in {StateKind.ATOMIC, StateKind.FINAL}

    def ancestors(self) -> list[State]:
        """Parent, grandparent ... up to the root."""
        found: list[State] = []
        state = self.parent
        while state is not None:
            found.append(state)
            state = state.parent
        return found

    def __repr__(self) -> str:
        return f"<State {self.id}>"


ROOT: Final = "<chart>"


@dataclass(slots=True)
class Chart:
    """A whole chart, checked and bound."""

    name: str
    title: str
    version: str
    root: State
    states: dict[str, State]  # without the root; document order
    settings: dict[str, Declaration]
    events: dict[str, EventDeclaration]
    data: dict[str, Declaration]
    position: Position
    content_hash: str = ""
    footprint: Footprint = _NO_FOOTPRINT

    @property
    def in_order(self) -> list[State]:
        """The root and every state, in document order."""
        return [self.root, *self.states.values()]


NO_VALUES: Values = MappingProxyType({})
