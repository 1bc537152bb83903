"""Runs a sequence in the terminal: who answers its questions, what Ctrl-C does, and what is written at the end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from engine.cli.sequence_view import SequenceView
from engine.clock import SystemClock
from engine.errors import Diagnostic, DiagnosticError, EngineError
from engine.sequence.bench import Bench
from engine.sequence.faults import Fault
from engine.sequence.junit import junit_xml
from engine.sequence.local import LocalResources, MemoryRecorder, ReadyOperator
from engine.sequence.model import Package
from engine.sequence.package import load_package
from engine.sequence.parameters import from_text
from engine.sequence.ports import Operator, Prompt
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


def _about(diagnostic: Diagnostic, sentence: str) -> str:
    """The sentence, with the parameter in front where it does not name it."""
    name = str(diagnostic.params.get("name", ""))
    return f"{name}: {sentence}" if name and f"'{name}'" not in sentence else sentence


def run_in_terminal(options: Options) -> bool:
    """Run it; whether it passed. Raises UsageError, and DiagnosticError for a package that cannot be run."""
    package = load_package(options.package)
    for name in options.config:
        if name not in package.hardware:
            raise UsageError(f"there is no hardware '{name}'; there is: {', '.join(package.hardware) or 'none'}")
    console = Console(stderr=options.is_json, highlight=False)
    view = SequenceView(package, console, is_quiet=options.is_json)
    recorder = MemoryRecorder(view.show, package.total)
    record = asyncio.run(_live(options, package, view, recorder))
    view.end(record, recorder.steps)
    if options.junit is not None:
        _write(options.junit, junit_xml(record, recorder.steps))
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
        with _stopped_by_signals(lambda: _stop(run, view)):
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


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C, and SIGTERM, go through the cleanup; a second one does not skip it."""
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def handler(_signal: int, _frame: object) -> None:
        loop.call_soon_threadsafe(stop)

    is_main = threading.current_thread() is threading.main_thread()
    for one in before if is_main else ():
        try:
            loop.add_signal_handler(one, stop)
        except NotImplementedError:  # Windows' loop has none
            signal.signal(one, handler)
    try:
        yield
    finally:
        for one, old in before.items() if is_main else ():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(one)
            signal.signal(one, old)


def _operator(options: Options, view: SequenceView) -> Operator:
    ready = ReadyOperator(options.answers, is_simulated=options.simulate)
    is_interactive = sys.stdin is not None and sys.stdin.isatty() and not options.is_json
    return _TerminalOperator(ready, view) if is_interactive else ready


class _TerminalOperator:
    """Asks on the screen and reads from the keyboard; answers of the command line come first."""

    def __init__(self, ready: ReadyOperator, view: SequenceView) -> None:
        self._answers = ready.answers
        self._view = view
        self._lines: asyncio.Queue[str] | None = None

    async def ask(self, prompt: Prompt) -> str:
        if prompt.step in self._answers:
            return self._answers[prompt.step]
        lines = self._reading()
        while not lines.empty():
            lines.get_nowait()  # typed before it was asked: meant for something else
        self._view.ask(prompt)
        while True:
            answer = _meant((await lines.get()).strip(), prompt)
            if answer is not None:
                return answer
            self._view.ask_again(prompt)

    def _reading(self) -> asyncio.Queue[str]:
        """The lines of the keyboard. A thread reads them, for nothing can end a read that has begun."""
        if self._lines is None:
            lines: asyncio.Queue[str] = asyncio.Queue()
            self._lines = lines
            loop = asyncio.get_running_loop()

            def read() -> None:
                for line in sys.stdin:
                    try:
                        loop.call_soon_threadsafe(lines.put_nowait, line)
                    except RuntimeError:
                        return

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


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise EngineError(f"'{path}' cannot be written: {error.strerror or error}") from error
