"""A sequence as checked data: parameters, hardware, steps and their limits, with their places in the YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

from engine.chart.model import Chart, Declaration
from engine.documents.tree import Document, Map, Mark, value_position
from engine.errors import Position

CANCEL_S: Final = 2.0  # what a call that is no longer wanted is given to end
CLEANUP_TIMEOUT_S: Final = 10.0  # of a cleanup step that does not say another: none may last for ever
LOCK_TIMEOUT_S: Final = 60.0
RENDEZVOUS_TIMEOUT_S: Final = 60.0

# the results of steps by name, the parameters, the machine (for its clock and its ids) -> the value
Evaluate = Callable[[Mapping[str, object], Mapping[str, object], Any], Any]


class StepKind(Enum):
    """What a step does."""

    CALL = "call"  # a command of a driver
    PROMPT = "prompt"  # a question to the operator
    WAIT = "wait"
    MEASURE = "measure"  # judges what earlier steps found
    RENDEZVOUS = "rendezvous"  # waits for other batches
    GROUP = "group"
    REPEAT = "repeat"
    PARALLEL = "parallel"

    @property
    def is_leaf(self) -> bool:
        """Whether it does something itself; it leaves a record then."""
        return self not in {StepKind.GROUP, StepKind.REPEAT, StepKind.PARALLEL}


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured: where it comes from, its unit, and its limits, each with operands yet to be worked out."""

    name: str
    unit: str
    position: Position
    limits: Mapping[str, Evaluate]
    source: str | None = None  # ``from:``, a dotted way into what the call gave
    value: Evaluate | None = None  # ``value:``, worked out of earlier results


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """A question: its text is worked out when it is asked."""

    text: Evaluate
    choices: tuple[str, ...]
    passing: tuple[str, ...] | None  # the answers that pass; None: all do
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """A resource that a step holds while it runs."""

    name: str
    timeout: float


@dataclass(slots=True)
class Step:
    """One step, or a frame around others (``branches``: one list, or several side by side)."""

    name: str
    kind: StepKind
    mark: Mark
    title: str = ""
    is_cleanup: bool = False
    timeout: float | None = None
    on_fail: str = "stop"
    retry: Map | None = None
    is_resumable: bool = False
    cancel_s: float = CANCEL_S
    when: Evaluate | None = None
    when_text: str = ""
    lock: Lock | None = None
    # What it does, by kind
    hardware: str = ""
    command: str = ""
    arguments: Mapping[str, Evaluate] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    prompt: PromptSpec | None = None
    wait: Evaluate | None = None
    rendezvous: tuple[str, int] | None = None  # its name, and how many batches meet
    times: Evaluate | None = None
    until: Evaluate | None = None
    branches: tuple[tuple[Step, ...], ...] = ()

    @property
    def position(self) -> Position:
        """Where it stands."""
        return value_position(self.mark)

    def walk(self) -> Iterator[Step]:
        """The step, then everything inside it, in document order."""
        yield self
        for branch in self.branches:
            for step in branch:
                yield from step.walk()


@dataclass(frozen=True, slots=True)
class ConfigField:
    """A part of a driver's configuration: a batch gives it (``declaration``), or the sequence has fixed it."""

    name: str
    declaration: Declaration | None
    value: object = None


@dataclass(frozen=True, slots=True)
class Hardware:
    """A piece of hardware: its driver, that driver's simulated twin, its configuration, and the lock that it needs."""

    name: str
    driver: str  # ``drivers.psu:Psu``, or a kind of device (``scale``)
    position: Position
    config: Mapping[str, ConfigField]
    simulated_config: Mapping[str, object]
    interface: Any  # engine.sequence.interfaces.Interface of the driver
    simulated: Any  # the same of its twin; None when it has none
    lock: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: as declared, and the unit that its numbers are in."""

    declaration: Declaration
    unit: str = ""
    title: str = ""


@dataclass(slots=True)
class Package:
    """A sequence package, checked: what a run needs, and what a form or a list shows."""

    name: str
    version: str
    title: str
    folder: Path
    document: Document
    parameters: dict[str, Parameter]
    hardware: dict[str, Hardware]
    steps: tuple[Step, ...]
    cleanup: tuple[Step, ...]
    chart: Chart
    chart_document: Document
    content_hash: str
    longest_cleanup: float = (
        0.0  # seconds from a stop to the end of the cleanup, at most, calls in their cancel time included
    )
    is_chart: bool = False  # its flow is a full chart of its own
    files: tuple[Path, ...] = ()  # all that was read for it
    named: dict[str, Step] = field(default_factory=dict)  # every step by its name

    @property
    def total(self) -> int:
        """How many steps do something themselves, each counted once."""
        return sum(step.kind.is_leaf for step in self.named.values())
