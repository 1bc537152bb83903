"""From the steps of a sequence to a statechart: the document, with every state at its step's place in the YAML.

Every step is a state that invokes its work; what follows is a transition for each outcome. All steps live in one state
whose ``finally`` is the cleanup: that it is entered exactly once, however the flow ends, is the engine's own promise.
Conditions, arguments and limits are worked out by the run, not by the chart: nothing that a sequence's author writes
can make the machine itself fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.documents.tree import Document, Map, Mark, Seq, Value
from engine.sequence.model import Step, StepKind
from engine.sequence.recovery import copy_of, put

STEPS: Final = "run/steps"
CLEANUP: Final = "run/cleanup"
FINISHED: Final = "run/finished"

_WAIT_MORE_S: Final = 1.0  # the run itself ends a call within its cancel time; the machine gives it a little more
_SERVICES: Final[Mapping[StepKind, str]] = {
    StepKind.CALL: "step.call", StepKind.PROMPT: "step.prompt", StepKind.WAIT: "step.wait",
    StepKind.MEASURE: "step.measure", StepKind.RENDEZVOUS: "step.rendezvous",
}  # fmt: skip


def chart_document(
    source: Document, name: str, version: str, title: str, steps: Sequence[Step], cleanup: Sequence[Step]
) -> Document:
    """The chart of a sequence, as a document that ``engine.chart.build`` takes."""
    start = source.start
    inner: dict[str, object] = {}
    first = _list(steps, inner, FINISHED, FINISHED)
    body: dict[str, object] = {"title": title or name, "initial": first, "states": inner}
    if cleanup:
        body["finally"] = CLEANUP
        inner[CLEANUP] = _cleanup(cleanup)
    states = {STEPS: body, FINISHED: {"type": "final"}}
    root = {"chart": name, "title": title or name, "version": version, "initial": STEPS, "states": states}
    made = _made(root, start)
    return Document(source.name, source.text, made, start, source.problems)


def resume_document(chart: Document, step: Step) -> Document:
    """The same chart, begun at a step, with what it needs around it (its condition, its lock)."""
    root, steps = chart.root, chart.root.section("states").section(STEPS)
    changed, states, body = copy_of(root), copy_of(root.section("states")), copy_of(steps)
    put(body, "initial", _entry(step), step.mark)
    put(states, STEPS, body, step.mark)
    put(changed, "states", states, root.start)
    return Document(chart.name, chart.text, changed, chart.start, chart.problems)


def _list(steps: Sequence[Step], states: dict[str, object], then: str, on_fail: str) -> str:
    """Add the states of steps that follow each other; gives the first one's name."""
    following = [_entry(step) for step in steps[1:]] + [then]
    for step, next_ in zip(steps, following, strict=True):
        _add(step, states, next_, on_fail)
    return _entry(steps[0]) if steps else then


def _entry(step: Step) -> str:
    """The state in which a step begins."""
    if step.when is not None:
        return f"{step.name}/when"
    return f"{step.name}/locked" if step.lock is not None else step.name


def _add(step: Step, states: dict[str, object], then: str, on_fail: str) -> None:
    """Add a step: its condition, its lock around it, and the step itself."""
    failed = then if step.on_fail == "continue" or step.is_cleanup else on_fail
    inner = states
    if step.when is not None:
        states[f"{step.name}/when"] = _decision(step, then, failed)
    if step.lock is not None:
        inner = {}
        states[f"{step.name}/locked"] = _locked(step, inner, failed)
    inner[step.name] = _At(step.mark, _BODIES[step.kind](step, then, failed))


def _decision(step: Step, then: str, failed: str) -> _At:
    entered = f"{step.name}/locked" if step.lock is not None else step.name
    on = {"yes": entered, "no": then, "error": failed}
    invoke = {
        "service": "step.decide",
        "with": {"step": step.name, "does": _literal(f"when {step.when_text}")},
        "on": on,
    }
    return _At(step.mark, {"invoke": invoke})


def _locked(step: Step, inner: dict[str, object], failed: str) -> _At:
    assert step.lock is not None
    waiting = f"{step.name}/lock"
    inner[waiting] = {
        "invoke": {
            "service": "step.lock",
            "with": {"step": step.name, "does": _literal(f"lock '{step.lock.name}'")},
            "timeout": _duration(step.lock.timeout),
            "cancel": f"wait {_duration(_WAIT_MORE_S)}",
            "on": {"locked": step.name, "error": failed, "timeout": failed},
        }
    }
    return _At(step.mark, {"initial": waiting, "exit": [{"step.unlock": step.name}], "states": inner})


def _leaf(step: Step, then: str, failed: str) -> dict[str, object]:
    on: dict[str, object] = {"passed": then, "marginal": then}
    on |= {"inconclusive": failed, "failed": failed, "error": failed}
    invoke: dict[str, object] = {
        "service": _SERVICES[step.kind],
        "with": {"step": step.name, "does": _literal(_does(step))},
        "cancel": f"wait {_duration(step.cancel_s + _WAIT_MORE_S)}",
        "on": on,
    }
    if step.timeout is not None and (step.prompt is None or step.prompt.default is None):
        invoke["timeout"] = _duration(step.timeout)
        on["timeout"] = failed
    retry = _retry(step)
    if retry is not None:
        invoke["retry"] = retry
    body: dict[str, object] = {
        "entry": [{"step.begin": step.name}], "exit": [{"step.end": step.name}], "invoke": invoke,
    }  # fmt: skip
    if step.title:
        body["title"] = step.title
    return body


def _retry(step: Step) -> dict[str, object] | None:
    if step.retry is None and step.on_fail != "retry":
        return None
    # Tried again at once, and once, unless the sequence says otherwise; without chance, so that a run can be told.
    again: dict[str, object] = {"times": 1, "first": "0 s", "jitter": "none", **(step.retry or {})}
    again["when"] = ["error", "timeout", *(["failed", "inconclusive"] if step.on_fail == "retry" else [])]
    return again


def _group(step: Step, then: str, failed: str) -> dict[str, object]:
    states: dict[str, object] = {}
    first = _list(step.branches[0], states, then, failed)
    return {"title": step.title or step.name, "initial": first, "states": states}


def _repeat(step: Step, then: str, failed: str) -> dict[str, object]:
    states: dict[str, object] = {}
    again = f"{step.name}/again"
    first = _list(step.branches[0], states, again, failed)
    invoke = {
        "service": "step.again",
        "with": {"step": step.name, "does": "another round"},
        "on": {"yes": first, "no": then, "error": failed},
    }
    states[again] = {"invoke": invoke}
    return {
        "title": step.title or step.name, "entry": [{"step.rounds": step.name}], "initial": again, "states": states,
    }  # fmt: skip


def _parallel(step: Step, then: str, failed: str) -> dict[str, object]:
    states: dict[str, object] = {}
    for number, branch in enumerate(step.branches, start=1):
        inner: dict[str, object] = {}
        end = f"{step.name}/{number}/done"
        first = _list(branch, inner, end, failed)
        inner[end] = {"type": "final"}
        states[f"{step.name}/{number}"] = {"initial": first, "states": inner}
    return {"title": step.title or step.name, "type": "parallel", "states": states, "on": {"done": then}}


_BODIES: Final[Mapping[StepKind, Callable[[Step, str, str], dict[str, object]]]] = {
    **dict.fromkeys(_SERVICES, _leaf),
    StepKind.GROUP: _group,
    StepKind.REPEAT: _repeat,
    StepKind.PARALLEL: _parallel,
}


def _cleanup(steps: Sequence[Step]) -> _At:
    states: dict[str, object] = {}
    end = f"{CLEANUP}/done"
    first = _list(steps, states, end, end)
    states[end] = {"type": "final"}
    return _At(steps[0].mark, {"entry": ["sequence.cleanup"], "initial": first, "states": states})


def _does(step: Step) -> str:
    """What a picture says of a step."""
    measured = ", ".join(measure.name for measure in step.measures)
    match step.kind:
        case StepKind.CALL:
            return f"{step.hardware}.{step.command}" + (f" → {measured}" if measured else "")
        case StepKind.RENDEZVOUS if step.rendezvous is not None:
            return f"rendezvous '{step.rendezvous[0]}'"
        case StepKind.MEASURE:
            return f"measure {measured}"
        case StepKind.PROMPT:
            return "ask the operator"
        case StepKind.WAIT:
            return "wait"
    return ""


def _literal(text: str) -> str:
    return text.replace("${", "$${")


def _duration(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds == round(seconds) else f"{round(seconds * 1000)} ms"


# Documents -----------------------------------------------------------------------------------------------------------


class _At:
    """A part of the document that stands at another place than what is around it."""

    def __init__(self, mark: Mark, body: dict[str, object]) -> None:
        self.mark, self.body = mark, body


def _made(value: object, mark: Mark) -> Value:
    """Plain Python as nodes of a document, all at one place but for what says otherwise."""
    if isinstance(value, _At):
        return _made(value.body, value.mark)
    if isinstance(value, dict):
        made = Map(mark)
        for key, item in value.items():
            put(made, key, _made(item, mark), item.mark if isinstance(item, _At) else mark)
        return made
    if isinstance(value, list):
        items = Seq(mark)
        items.extend(_made(item, mark) for item in value)
        items.marks = [mark] * len(value)
        return items
    assert isinstance(value, str | int | bool) or value is None or hasattr(value, "as_tuple")
    return value  # type: ignore[return-value]  # a Decimal of ``factor:``
