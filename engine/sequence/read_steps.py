"""Fills in the steps of an outline: calls and their arguments, prompts, waits, limits, what follows a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.bindings.types import ANY, FLAG, TEXT, ValueType
from engine.documents.quantities import quantity_problem
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Mark, Seq, Value
from engine.errors import Diagnostic, Position
from engine.sequence.expressions import Expressions, constant
from engine.sequence.hints import type_of, without_none
from engine.sequence.interfaces import Argument, Interface, Signature
from engine.sequence.model import (
    CANCEL_S,
    CLEANUP_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    RENDEZVOUS_TIMEOUT_S,
    Evaluate,
    Hardware,
    Lock,
    Parameter,
    PromptSpec,
    Step,
    StepKind,
)
from engine.sequence.outline import RawStep
from engine.sequence.read_hardware import literal_problem
from engine.sequence.read_measures import MeasureReader
from engine.sequence.read_measures import type_of as measured_type
from engine.units import parse_duration

_SINGLE: Final = frozenset({"text", "flag", "int", "number", "mass", "choice"})
_CHOICES_OF_A_QUESTION: Final = 2  # yes or no: the first passes


def result_types(steps: Mapping[str, RawStep]) -> dict[str, ValueType]:
    """What expressions find under ``results``: of a step that does something, what it gave and what was measured."""
    types: dict[str, ValueType] = {}
    for name, step in steps.items():
        if step.kind.is_leaf:
            measures = step.body.section("measure")
            fields = {"value": ANY, "verdict": TEXT, "passed": FLAG, "answer": TEXT}
            fields |= {one: measured_type(measures[one]) for one in measures}
            types[name] = ValueType("map", fields=fields)
    return types


def units_of(parameters: Mapping[str, Parameter], steps: Mapping[str, RawStep]) -> dict[str, str]:
    """The unit of every parameter and measurement, by what expressions call it."""
    found = {f"parameters.{name}": one.unit for name, one in parameters.items()}
    for name, step in steps.items():
        measures = step.body.section("measure")
        found |= {f"results.{name}.{one}": measures.section(one).text("unit") or "" for one in measures}
    return found


@dataclass(slots=True)
class StepReader:
    """Makes steps of raw ones. ``order`` is their place in the document, to tell earlier from later."""

    hardware: Mapping[str, Hardware]
    known_hardware: frozenset[str]  # also that whose driver could not be had: it has been told
    parameters: Mapping[str, ValueType]
    results: Mapping[str, ValueType]
    order: Mapping[str, int]
    problems: list[Diagnostic]
    units: Mapping[str, str] = field(default_factory=dict)  # of parameters and measurements, by their names
    sides: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # step -> parallel around it -> which branch
    _held: list[str] = field(default_factory=list)  # the locks of the steps around
    _inside: int = 0  # how many repeats and parallels are around the step
    _loops: list[tuple[int, int]] = field(default_factory=list)  # the first and last place of the repeats around a step

    def read(self, raws: list[RawStep]) -> tuple[Step, ...]:
        """Steps, and all inside them."""
        return tuple(self._step(raw) for raw in raws)

    def _step(self, raw: RawStep) -> Step:
        body = raw.body
        step = Step(raw.name, raw.kind, raw.mark, str(body.get("title", "")), raw.is_cleanup)
        step.on_fail = str(body.get("on_fail", "stop"))
        step.is_resumable = body.get("resumable") is True
        if step.is_resumable and self._inside:
            self._report("resumable-inside", body.at("resumable"))
        step.timeout = self._duration(body, "timeout")
        if raw.is_cleanup and step.timeout is None:
            step.timeout = CLEANUP_TIMEOUT_S
        cancel = self._duration(body, "cancel")
        step.cancel_s = CANCEL_S if cancel is None else cancel
        step.lock = self._lock(body)
        retry = body.get("retry")
        step.retry = retry if isinstance(retry, Map) else None
        self._check_on_fail(step, body)
        self._condition(step, raw)
        if raw.kind is StepKind.REPEAT:
            self._loops.append((self.order[raw.name], max(self.order[one.name] for one in raw.walk())))
        self._fill(step, raw)
        step.measures = MeasureReader(self._expressions(raw), self.problems, self.units).read(
            body.get("measure"), raw.kind
        )
        self._check_measured(step, body)
        self._inside += raw.kind in {StepKind.REPEAT, StepKind.PARALLEL}
        self._held += [step.lock.name] if step.lock is not None else []
        step.branches = tuple(self.read(branch) for branch in raw.branches)
        if step.lock is not None:
            self._held.pop()
        self._inside -= raw.kind in {StepKind.REPEAT, StepKind.PARALLEL}
        if raw.kind is StepKind.REPEAT:
            self._loops.pop()
        return step

    def _fill(self, step: Step, raw: RawStep) -> None:
        match raw.kind:
            case StepKind.CALL:
                self._call(step, raw)
            case StepKind.PROMPT:
                self._prompt(step, raw)
            case StepKind.WAIT:
                step.wait = self._wait(raw)
            case StepKind.RENDEZVOUS:
                section = raw.body.section("rendezvous")
                members = section.get("members")
                step.rendezvous = (str(section.get("name", "")), members if isinstance(members, int) else 1)
                step.timeout = RENDEZVOUS_TIMEOUT_S if step.timeout is None else step.timeout
            case StepKind.REPEAT:
                self._repeat(step, raw)

    def _check_on_fail(self, step: Step, body: Map) -> None:
        if step.on_fail == "retry" and step.kind is not StepKind.CALL:
            self._report("retry-not-call", body.at("on_fail"), step=step.kind.value)

    def _check_measured(self, step: Step, body: Map) -> None:
        """What gives one value, or none, cannot be measured as several."""
        gives = self._gives(step)
        if not step.measures or gives is None:
            return
        owner = str(body.get("call", "prompt"))
        measures = body.section("measure")
        for one in step.measures:
            is_needless = gives != "nothing" and len(step.measures) == 1 and one.source is None
            if not is_needless:
                at = measures.key_at(one.name)
                self._report("never-measured", at, name=one.name, owner=owner, found=gives)

    def _gives(self, step: Step) -> str | None:
        """The word for the one value that a step gives; None where it may be several, or nobody knows."""
        if step.kind is StepKind.PROMPT:
            return "text"
        hardware = self.hardware.get(step.hardware)
        signature = hardware.interface.commands.get(step.command) if hardware is not None else None
        if signature is None:
            return None
        hint, is_optional = without_none(signature.gives)
        if hint is None or hint is type(None):
            return "nothing"
        word = type_of(hint).name
        return word if word in _SINGLE and not is_optional else None

    # Expressions -----------------------------------------------------------------------------------------------------

    def _expressions(self, raw: RawStep) -> Expressions:
        return Expressions(
            self.parameters,
            self.results,
            self.problems,
            raw.aliases,
            lambda steps, mark: self._check_order(steps, raw.name, Position(mark[0], mark[3], mark[4])),
        )

    def _check_order(self, used: frozenset[str], name: str, position: Position) -> None:
        """What a step uses must have been found before it, or in an earlier round of a repeat that both are in."""
        here = self.order[name]
        mine = self.sides.get(name, {})
        for other in sorted(used):
            theirs = self.sides.get(other, {})
            if any(theirs.get(parallel, side) != side for parallel, side in mine.items()):
                self._report("parallel-result", position, name=other, step=name)
                continue
            there = self.order.get(other, -1)
            if there >= here and not any(
                first <= here <= last and first < there <= last for first, last in self._loops
            ):
                self._report("later-result", position, name=other, step=name)

    def _condition(self, step: Step, raw: RawStep) -> None:
        if "when" not in raw.body:
            return
        written = raw.body["when"]
        if isinstance(written, bool):
            step.when, step.when_text = constant(written), str(written).lower()
            return
        step.when_text = str(written)
        step.when = self._flag(step.when_text, raw.body.marks["when"], raw)

    def _flag(self, text: str, mark: Mark, raw: RawStep) -> Evaluate:
        found = self._expressions(raw).condition(text, mark)
        if found is None:
            return constant(value=False)
        if found.type not in {FLAG, ANY}:
            self._report("when-not-flag", Position(mark[0], mark[3], mark[4]), found=found.type.name)
        return found.evaluate

    # What steps do ---------------------------------------------------------------------------------------------------

    def _call(self, step: Step, raw: RawStep) -> None:
        at = raw.body.at("call")
        name, _, command = str(raw.body["call"]).partition(".")
        if name not in self.known_hardware or not command:
            known = sorted(self.known_hardware)
            self._report("unknown-hardware", at, name=name, guess=did_you_mean(name, known) or "", known=known)
            return
        step.hardware, step.command = name, command
        hardware = self.hardware.get(name)
        if hardware is None:
            return
        interface: Interface = hardware.interface
        signature = interface.commands.get(command)
        if signature is None:
            known = sorted(interface.commands)
            guess = did_you_mean(command, known) or ""
            self._report("unknown-command", at, name=command, driver=hardware.driver, guess=guess, known=known)
            return
        self._check_twin(raw, hardware.simulated, command, signature)
        if signature.unnamed:
            self._report("unnamed-argument", at, name=signature.unnamed[0], owner=f"{name}.{command}")
        step.arguments = self._arguments(raw, signature.arguments, takes_any=signature.takes_any)

    def _check_twin(self, raw: RawStep, twin: Interface | None, command: str, real: Signature) -> None:
        """The simulated twin must take the same call. What the real one would not take either is told of that."""
        if twin is None:
            return
        signature = twin.commands.get(command)
        if signature is None:
            self._report("twin-lacks-command", raw.body.at("call"), name=command, twin=twin.name)
            return
        given = raw.body.section("with")
        owner = f"{twin.name}.{command}"
        foreign = given.keys() - signature.arguments.keys() if not signature.takes_any else set[str]()
        for name in foreign & (real.arguments.keys() if not real.takes_any else given.keys()):
            self._report("twin-lacks-argument", given.key_at(name), name=name, owner=owner)
        for name, one in signature.arguments.items():
            is_asked_for = name in real.arguments and real.arguments[name].is_required
            if one.is_required and name not in given and not is_asked_for:
                self._report("twin-wants-argument", raw.body.at("call"), name=name, owner=owner)

    def _arguments(self, raw: RawStep, takes: Mapping[str, Argument], *, takes_any: bool) -> dict[str, Evaluate]:
        given = raw.body.section("with")
        owner = str(raw.body["call"])
        reader = MeasureReader(self._expressions(raw), self.problems)
        meant = set(given)
        found: dict[str, Evaluate] = {}
        for name, value in given.items():
            argument = takes.get(name)
            if argument is None and not takes_any:
                guess = did_you_mean(name, takes.keys() - meant) or ""
                meant.add(guess)
                known = list(takes)
                self._report("unknown-argument", given.key_at(name), name=name, owner=owner, guess=guess, known=known)
                continue
            if argument is not None:
                self._check_argument(value, given.marks[name], argument, raw)
            found[name] = reader.operand(value, given.marks[name])
        for name, argument in takes.items():
            if argument.is_required and name not in meant:
                at = raw.body.key_at("with" if "with" in raw.body else "call")
                self._report("missing-argument", at, name=name, owner=owner)
        return found

    def _check_argument(self, value: Value, mark: Mark, argument: Argument, raw: RawStep) -> None:
        at, owner = Position(mark[0], mark[3], mark[4]), str(raw.body["call"])
        if isinstance(value, str) and "${" in value:
            quiet = Expressions(self.parameters, self.results, [], raw.aliases)  # told where it is read
            compiled = quiet.template(value, mark)
            if compiled is not None and not argument.fits(compiled.type):
                params = {"name": argument.name, "expected": argument.type.name, "found": compiled.type.name}
                self._report("argument-type", at, owner=owner, **params)
        elif not has_expression(value):
            found = literal_problem(value, argument)
            if found is not None:
                self._report(found[0], at, **{"owner": owner, **found[1]})
        elif not argument.fits(ValueType("map" if isinstance(value, Map) else "list")):
            self._report("argument-type", at, name=argument.name, owner=owner, expected=argument.type.name, found="map")

    def _prompt(self, step: Step, raw: RawStep) -> None:
        section = raw.body.section("prompt")
        text = str(section.get("text", ""))
        compiled = self._expressions(raw).template(text, section.marks.get("text", raw.mark))
        choices = _texts(section.get("choices"))
        passing = _texts(section.get("pass")) or None
        default = section.text("default")
        for key, values in (("pass", passing or ()), ("default", () if default is None else (default,))):
            for value in values:
                if choices and value not in choices:
                    params = {"value": value, "allowed": choices, "guess": did_you_mean(value, choices)}
                    self._report("wrong-value", section.at(key), **params)
        if passing is None and len(choices) == _CHOICES_OF_A_QUESTION:
            passing = choices[:1]
        evaluate = constant(text) if compiled is None else compiled.evaluate
        step.prompt = PromptSpec(evaluate, choices, passing, default)
        asked = self._duration(section, "timeout")
        step.timeout = step.timeout if asked is None else asked

    def _wait(self, raw: RawStep) -> Evaluate:
        written, mark = str(raw.body["wait"]), raw.body.marks["wait"]
        if "${" in written:
            found = self._expressions(raw).template(written, mark)
            if found is not None and found.type.name not in {"duration", "any"}:
                params = {"expected": "duration", "found": found.type.name}
                self._report("wrong-type", raw.body.at("wait"), **params)
            return constant(0.0) if found is None else found.evaluate
        problem = quantity_problem("duration", written, raw.body.at("wait"))
        if problem is not None:
            self.problems.append(problem)
            return constant(0.0)
        return constant(parse_duration(written))

    def _repeat(self, step: Step, raw: RawStep) -> None:
        section = raw.body.section("repeat")
        times, until = section.get("times"), section.get("until")
        if isinstance(times, str):
            found = self._expressions(raw).template(times, section.marks["times"])
            if found is not None and found.type.name not in {"int", "number", "any"}:
                self._report("wrong-type", section.at("times"), expected="int", found=found.type.name)
            step.times = constant(0) if found is None else found.evaluate
        elif times is not None:
            step.times = constant(times)
        if until is not None:
            step.until = self._flag(str(until), section.marks["until"], raw)
            step.when_text = step.when_text or f"until {until}"

    def _lock(self, body: Map) -> Lock | None:
        raw = body.get("lock")
        name = raw.get("name") if isinstance(raw, Map) else raw
        if name in self._held:
            self._report("lock-held", body.at("lock"), name=name)
        if isinstance(raw, Map):
            timeout = self._duration(raw, "timeout")
            return Lock(str(raw.get("name", "")), LOCK_TIMEOUT_S if timeout is None else timeout)
        return Lock(raw, LOCK_TIMEOUT_S) if isinstance(raw, str) else None

    def _duration(self, body: Map, key: str) -> float | None:
        """A duration that its schema has passed already; what has not is told there."""
        written = body.get(key)
        if quantity_problem("duration", written, body.at(key)) is not None:
            return None
        seconds = parse_duration(str(written))
        if key == "timeout" and seconds == 0:
            self._report("no-time", body.at(key))
        return seconds

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def has_expression(value: Value) -> bool:
    """Whether any text in it is worked out only when it is needed."""
    if isinstance(value, Map):
        return any(map(has_expression, value.values()))
    return any(map(has_expression, value)) if isinstance(value, Seq) else isinstance(value, str) and "${" in value


def _texts(raw: Value) -> tuple[str, ...]:
    return tuple(map(str, raw)) if isinstance(raw, Seq) else ()
