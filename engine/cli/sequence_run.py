"""Runs a sequence in the terminal: who answers its questions, what Ctrl-C does, and what is written at the end."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from engine.cli.sequence_view import SequenceView
from engine.cli.sequence_watch import watched
from engine.clock import SystemClock
from engine.documents.suggest import did_you_mean
from engine.errors import Diagnostic, DiagnosticError, EngineError
from engine.sequence.bench import Bench
from engine.sequence.faults import Fault
from engine.sequence.junit import junit_xml
from engine.sequence.local import LocalResources, MemoryRecorder, ReadyOperator
from engine.sequence.model import Package
from engine.sequence.package import load_package
from engine.sequence.parameters import from_text
from engine.sequence.ports import Operator, OperatorAbsentError, Prompt
from engine.sequence.records import ExecutionRecord
from engine.sequence.run import SequenceRun


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    package: str
    parameters: Mapping[str, str]
    simulate: bool
    faults: tuple[Fault, ...]
    config: Mapping[str, Mapping[str, object]]
    answers: Mapping[str, str]
    junit: Path | None
    is_json: bool


class UsageError(EngineError):
    """The command line does not fit the sequence."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics

    def tell(self) -> None:
        """Write it to standard error."""
        from engine.documents.language import language_from_env
        from engine.documents.render import mend, message

        language = language_from_env()
        lines = [
            f"{_about(one, message(one, language))}\n  {mend(one, language) or ''}".rstrip() for one in self.diagnostics
        ]
        for line in lines or [str(self)]:
            print(f"engine sequence run: error: {line}", file=sys.stderr)


def check_options(options: Options, package: Package) -> None:
    """What is meant for hardware or steps must be meant for some that are there. Raises UsageError."""
    for name, fields in options.config.items():
        hardware = package.hardware.get(name)
        if hardware is None:
            raise UsageError(_missing("hardware", name, package.hardware))
        for one in fields:
            if one not in hardware.config:
                raise UsageError(f"'{name}' takes {_missing('value', one, hardware.config).removeprefix('there is ')}")
    asked = {name: step.prompt for name, step in package.named.items() if step.prompt is not None}
    for step, answer in () if package.is_chart else options.answers.items():
        if step not in asked:
            raise UsageError(_missing("question", step, asked))
        choices = asked[step].choices
        if choices and answer not in choices:
            raise UsageError(f"'{answer}' is no answer to '{step}'; answers are: {', '.join(choices)}")


def _missing(what: str, name: str, known: Iterable[str]) -> str:
    guess = did_you_mean(name, list(known))
    meant = f"; did you mean '{guess}'?" if guess else ""
    return f"there is no {what} '{name}'{meant}; there is: {', '.join(known) or 'none'}"


def _about(diagnostic: Diagnostic, sentence: str) -> str:
    """The sentence, with the parameter in front where it does not name it."""
    name = str(diagnostic.params.get("name", ""))
    return f"{name}: {sentence}" if name and f"'{name}'" not in sentence else sentence


def run_in_terminal(options: Options) -> bool:
    """Run it; whether it passed. Raises UsageError, and DiagnosticError for a package that cannot be run."""
    package = load_package(options.package)
    check_options(options, package)
    junit = None if options.junit is None else _writable(options.junit)
    console = Console(stderr=options.is_json, highlight=False)
    view = SequenceView(package, console, is_quiet=options.is_json)
    recorder = MemoryRecorder(view.show, package.total)
    # What a driver prints is no part of our answer.
    with redirect_stdout(sys.stderr) if options.is_json else nullcontext():
        record = asyncio.run(_live(options, package, view, recorder))
    view.end(record, recorder.steps)
    if junit is not None:
        _write(junit, junit_xml(record, recorder.steps))
    if options.is_json:
        whole = {**record.to_json(), "steps": [step.to_json() for step in recorder.steps]}
        print(json.dumps(whole, ensure_ascii=False, indent=2))
    return record.overall_pass


async def _live(options: Options, package: Package, view: SequenceView, recorder: MemoryRecorder) -> ExecutionRecord:
    try:
        bench = Bench(
            package.hardware,
            config=options.config,
            simulate=options.simulate,
            faults=options.faults,
            devices=_devices(),
        )
        given = {
            name: from_text(text, package.parameters[name]) if name in package.parameters else text
            for name, text in options.parameters.items()
        }
        run = SequenceRun(package, given, bench, recorder, _operator(options, view), LocalResources(), SystemClock())
    except DiagnosticError as error:
        raise UsageError(str(error), error.diagnostics) from error
    except EngineError as error:
        raise UsageError(str(error)) from error
    view.begin(run)
    try:
        with watched(lambda: _stop(run, view), view.note):
            record = await run.run()
    finally:
        await bench.close()
    return record


def _devices() -> Any:
    from engine.service.sequence_devices import open_device

    return open_device


def _stop(run: SequenceRun, view: SequenceView) -> None:
    view.stopping(is_again=run.is_cleaning)
    run.stop("stopped by the operator (Ctrl-C)")


def _operator(options: Options, view: SequenceView) -> Operator:
    ready = ReadyOperator(options.answers, is_simulated=options.simulate)
    is_interactive = sys.stdin is not None and sys.stdin.isatty() and not options.is_json
    return _TerminalOperator(ready, view) if is_interactive else ready


class _TerminalOperator:
    """Asks on the screen and reads from the keyboard; answers of the command line come first."""

    def __init__(self, ready: ReadyOperator, view: SequenceView) -> None:
        self._answers = ready.answers
        self._view = view
        self._lines: asyncio.Queue[str | None] | None = None

    async def ask(self, prompt: Prompt) -> str:
        if prompt.step in self._answers:
            return self._answers[prompt.step]
        lines = self._reading()
        is_closed = False
        while not lines.empty():
            is_closed = lines.get_nowait() is None  # what was typed before it was asked is meant for something else
        if is_closed:
            lines.put_nowait(None)
        self._view.ask(prompt)
        while True:
            line = await lines.get()
            if line is None:
                lines.put_nowait(None)  # nor will there be anything for the next question
                raise OperatorAbsentError(f"the keyboard was closed (Ctrl-D); answer with --answer {prompt.step}=TEXT")
            answer = _meant(line.strip(), prompt)
            if answer is not None:
                return answer
            self._view.ask_again(prompt)

    def _reading(self) -> asyncio.Queue[str | None]:
        """The lines of the keyboard. A thread reads them, for nothing can end a read that has begun."""
        if self._lines is None:
            lines: asyncio.Queue[str | None] = asyncio.Queue()
            self._lines = lines
            loop = asyncio.get_running_loop()

            def read() -> None:
                with suppress(RuntimeError):  # the loop has ended
                    for line in sys.stdin:
                        loop.call_soon_threadsafe(lines.put_nowait, line)
                    loop.call_soon_threadsafe(lines.put_nowait, None)

            threading.Thread(target=read, name="keyboard", daemon=True).start()
        return self._lines


def _meant(text: str, prompt: Prompt) -> str | None:
    """The answer that a line stands for: itself, or a choice by its number; None for what is no answer."""
    if not text and prompt.default is not None:
        return prompt.default
    if not prompt.choices:
        return text or None
    if text in prompt.choices:
        return text
    if text.isdecimal() and 1 <= int(text) <= len(prompt.choices):
        return prompt.choices[int(text) - 1]
    return None


def _writable(path: Path) -> Path:
    """The file, wherever a driver may go meanwhile. Raises UsageError when it cannot be written: before the run."""
    whole = path.absolute()
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        was_there = whole.exists()
        with whole.open("ab"):
            pass
        if not was_there:  # should the run end in a way that nothing is written, an empty file would say nothing
            whole.unlink()
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written: {error.strerror or error}") from error
    return whole


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise EngineError(f"'{path}' cannot be written: {error.strerror or error}") from error
