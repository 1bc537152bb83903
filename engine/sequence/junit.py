"""The result of an execution as JUnit XML, which every CI server reads: a test case for each step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from engine.sequence.records import ExecutionRecord, StepRecord, StepStatus, Verdict

# What XML 1.0 cannot hold, however it is written.
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST: Final = 200
_FAILURES: Final = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})
_ERRORS: Final = frozenset({Verdict.ERROR, Verdict.ABORTED})


def junit_xml(execution: ExecutionRecord, steps: Sequence[StepRecord]) -> bytes:
    """One test suite. Failed and inconclusive steps are failures; steps that could not be done are errors."""
    failures, errors = _FAILURES, _ERRORS
    # A reader looks at the cases alone: a run that did not pass, with none that tells so, has one of its own.
    is_untold = not execution.overall_pass and not any(step.verdict in failures | errors for step in steps)
    root = Element("testsuites")
    suite = SubElement(
        root,
        "testsuite",
        name=_clean(execution.sequence_name),
        tests=str(len(steps) + is_untold),
        failures=str(sum(step.verdict in failures for step in steps)),
        errors=str(sum(step.verdict in errors for step in steps) + is_untold),
        skipped=str(sum(step.status is StepStatus.SKIPPED for step in steps)),
        time=f"{execution.duration or 0.0:.6f}",
    )
    if execution.started_at is not None:
        suite.set("timestamp", execution.started_at.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = SubElement(suite, "properties")
    verdict = execution.verdict.value if execution.verdict is not None else ""
    facts = {
        "execution": execution.execution_id, "version": execution.sequence_version, "verdict": verdict,
        "status": execution.status.value, "reason": execution.reason or "", "serial": execution.serial,
        "operator": execution.operator,
        **{f"parameter.{name}": value for name, value in execution.parameters.items()},
    }  # fmt: skip
    for name, value in facts.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        SubElement(properties, "property", name=_clean(name), value=_clean(shown))
    for step in steps:
        _case(suite, execution, step)
    if is_untold:
        case = SubElement(suite, "testcase", classname=_clean(execution.sequence_name), name="(run)", time="0.000000")
        SubElement(case, "error", type=verdict, message=_clean(execution.reason or verdict))
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(suite: Element, execution: ExecutionRecord, step: StepRecord) -> None:
    case = SubElement(
        suite, "testcase", classname=_clean(execution.sequence_name), name=_clean(step.path),
        time=f"{step.duration or 0.0:.6f}",
    )  # fmt: skip
    if step.status is StepStatus.SKIPPED:
        SubElement(case, "skipped")
    elif step.verdict in _FAILURES | _ERRORS:
        assert step.verdict is not None
        kind = "failure" if step.verdict in _FAILURES else "error"
        found = SubElement(case, kind, type=step.verdict.value, message=_clean(said(step)))
        found.text = _clean("\n".join(measured(step)))
    lines = measured(step)
    if lines:
        SubElement(case, "system-out").text = _clean("\n".join(lines))


def said(step: StepRecord) -> str:
    """Why a step did not pass, on one line."""
    if step.error:
        return step.error
    bad = [line for one, line in zip(step.measurements, measured(step), strict=True) if not one.verdict.is_pass]
    answer = step.result.get("answer")
    return "; ".join(bad) or ("" if answer is None else f"answered '{answer}'")


def shortened(value: object) -> str:
    """A value on a line for people; a waveform is read elsewhere."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def measured(step: StepRecord) -> list[str]:
    """Each measurement with its limits and what was found."""
    return [
        f"{one.name} = {'nothing' if one.value is None else shortened(one.value)}{f' {one.unit}' if one.unit else ''}"
        f"{f' ({one.limits})' if one.limits else ''}: {one.verdict.value}"
        for one in step.measurements
    ]


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
