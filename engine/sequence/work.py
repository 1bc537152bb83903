"""What steps come down to: a call, a question, a wait, a judgement. Each gives its finding, or raises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.sequence.bench import Bench
from engine.sequence.book import Finding
from engine.sequence.found import writable
from engine.sequence.limits import Limit, judge
from engine.sequence.model import Measure, Step, StepKind
from engine.sequence.ports import Operator, OperatorAbsentError, Prompt, Resources
from engine.sequence.records import (
    PROMPT,
    PROMPT_CLOSED,
    RENDEZVOUS_WAIT,
    Measurement,
    StepRecord,
    Verdict,
    plain,
    worst,
)


class StepError(EngineError):
    """A step could not do what it is for."""


@dataclass(slots=True)
class Work:
    """Does steps, with what was found before at hand. ``machine`` gives expressions their clock and their ids."""

    execution_id: str
    parameters: Mapping[str, object]
    results: dict[str, object]
    bench: Bench
    operator: Operator
    resources: Resources
    show: Callable[[str, Mapping[str, object]], None]
    machine: Any = None
    asked: int = 0  # questions so far; a run that is gone on with begins where no question of before ends

    async def do(self, step: Step) -> Finding:
        """Do a step. What it found is in ``results`` afterwards."""
        match step.kind:
            case StepKind.CALL:
                given = {name: self.value(one) for name, one in step.arguments.items()}
                value = await self.bench.call(
                    step.hardware, step.command, given, cancel_s=step.cancel_s, is_cleanup=step.is_cleanup
                )
                return self._judged(step, value, {} if value is None else {"value": plain(value)})
            case StepKind.PROMPT:
                return await self._prompt(step)
            case StepKind.WAIT:
                await self._wait(step)
            case StepKind.RENDEZVOUS if step.rendezvous is not None:
                name, members = step.rendezvous
                self.show(RENDEZVOUS_WAIT, {"step": step.name, "name": name, "members": members})
                await self.resources.rendezvous(name, members)
        return self._judged(step, None, {})

    def value(self, evaluate: Any) -> Any:
        """Work out an expression with what is known by now."""
        return evaluate(self.results, self.parameters, self.machine)

    def holds(self, evaluate: Any) -> bool:
        """Work out a condition; nothing (of a step that was skipped, say) does not hold. Raises StepError."""
        found = self.value(evaluate)
        if found is not None and not isinstance(found, bool):
            raise StepError(f"this is neither true nor false: {found!r}")
        return bool(found)

    def remember(self, step: Step, finding: Finding, value: object) -> None:
        """What expressions find under ``results.STEP``."""
        found: dict[str, object] = {one.name: one.value for one in finding.measurements}
        passed = finding.verdict.is_pass
        self.results[step.name] = {"value": value, "verdict": finding.verdict.value, "passed": passed, **found}

    def recall(self, record: StepRecord) -> None:
        """The same, of a step that another process has done."""
        assert record.verdict is not None
        found: dict[str, object] = {one.name: one.value for one in record.measurements}
        given = {key: record.result[key] for key in ("value", "answer") if key in record.result}
        self.results[record.name] = {"verdict": record.verdict.value, "passed": record.is_pass, **given, **found}

    async def _wait(self, step: Step) -> None:
        seconds = self.value(step.wait)
        if not isinstance(seconds, int | float) or seconds < 0:
            raise StepError(f"'wait' is no duration: {seconds!r}")
        await asyncio.sleep(seconds)

    # Judging ---------------------------------------------------------------------------------------------------------

    def _judged(self, step: Step, value: object, result: Mapping[str, object], base: Verdict = Verdict.PASS) -> Finding:
        measured: list[Measurement] = []
        for measure in step.measures:
            raw = self.value(measure.value) if measure.value is not None else picked(value, measure, step.measures)
            limits = tuple(Limit(kind, self.value(operand)) for kind, operand in measure.limits.items())
            measured.append(judge(measure.name, raw, measure.unit, limits))
        verdict = worst((base, *(one.verdict for one in measured)))
        finding = Finding(verdict, result, tuple(measured))
        self.remember(step, finding, value)
        return finding

    # Asking ----------------------------------------------------------------------------------------------------------

    async def _prompt(self, step: Step) -> Finding:
        spec = step.prompt
        assert spec is not None
        text = self.value(spec.text)
        answer = await self.ask(step.name, str(text), spec.choices, spec.default, step.timeout)
        is_right = spec.passing is None or answer in spec.passing
        finding = self._judged(step, answer, {"answer": answer}, Verdict.PASS if is_right else Verdict.FAIL)
        kept = self.results[step.name]
        assert isinstance(kept, dict)
        kept["answer"] = answer
        return finding

    async def ask(
        self,
        step: str,
        text: str,
        choices: Sequence[str] = (),
        default: str | None = None,
        within: float | None = None,
    ) -> str:
        """Ask the operator. ``default`` answers when nobody does in time. Raises StepError for no answer at all."""
        self.asked += 1
        id_ = f"{self.execution_id}/{self.asked}"
        prompt = Prompt(id_, self.execution_id, step, text, tuple(choices), default, within)
        asked = {
            "id": id_,
            "step": step,
            "text": text,
            "choices": list(choices),
            "default": default,
            "timeout": within,
        }
        self.show(PROMPT, asked)
        try:
            async with asyncio.timeout(within if default is not None else None):
                answer = await self.operator.ask(prompt)
        except (TimeoutError, OperatorAbsentError) as error:
            if default is None:
                raise StepError(str(error) or "nobody answered in time") from error
            return default
        finally:
            self.show(PROMPT_CLOSED, {"id": id_, "step": step})
        if choices and answer not in choices:
            raise StepError(f"'{answer}' is no answer to this; answers are {', '.join(choices)}")
        return answer


def picked(value: object, measure: Measure, measures: Sequence[Measure]) -> object:
    """The part of what a call gave that is measured: named, or all of it where that is one value."""
    if measure.source is not None:
        for part in measure.source.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value
    if isinstance(value, Mapping):
        return value.get(measure.name)
    return value if len(measures) == 1 else None


def described(error: Exception) -> str:
    """An error for a record: ours speak for themselves, others are named."""
    try:
        said = writable(str(error))
    except Exception:  # noqa: BLE001 - an error of a driver that cannot even say what it is
        said = ""
    return said if isinstance(error, EngineError) else f"{type(error).__name__}: {said}".removesuffix(": ")
