"""What a run of a sequence looks like in a terminal: a line for each step, and what is underway below them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape as escape_markup
from rich.status import Status

from engine.documents.catalog.fill import visible
from engine.documents.language import language_from_env
from engine.sequence import records
from engine.sequence.junit import shortened
from engine.sequence.records import PROMPT_CLOSED, ExecutionRecord, Shown, StepRecord, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from engine.sequence.model import Package
    from engine.sequence.ports import Prompt
    from engine.sequence.run import SequenceRun


def escape(text: str) -> str:
    """A text of a driver, or of a sequence, as it is: neither markup of ours nor orders to the terminal."""
    return "\n".join(escape_markup(visible(line)) for line in text.split("\n"))


_MARKS: Final[Mapping[str | None, tuple[str, str]]] = {
    "pass": ("✔", "green"), "marginal": ("△", "yellow"), "inconclusive": ("?", "yellow"), "fail": ("✘", "red"),
    "error": ("✘", "bold red"), "aborted": ("■", "magenta"), None: ("-", "dim"),
}  # fmt: skip
_MOST_NAMED: Final = 3
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "cleanup": "cleanup", "retry": "attempt {attempt}: {error}", "lock": "waiting for '{resource}'",
        "meet": "waiting for {members} batches at '{name}'", "stopping": "stopping through the cleanup ...",
        "again": "the cleanup is running; it is not skipped", "choose": "a number, or one of the answers",
        "default": "(Enter: {default})", "skipped": "skipped", "simulation": "(simulation)",
        "verdict": "{verdict} after {duration:.2f} s", "steps": "{passed} of {all} steps passed",
    },
    "ko": {
        "cleanup": "정리", "retry": "{attempt}번째 시도: {error}", "lock": "'{resource}' 잠금을 기다리는 중",
        "meet": "'{name}'에서 배치 {members}개를 기다리는 중", "stopping": "정리를 거쳐 멈추는 중 ...",
        "again": "정리 중이다. 건너뛰지 않는다", "choose": "번호나 답을 입력하세요",
        "default": "(Enter: {default})", "skipped": "건너뜀", "simulation": "(모의)",
        "verdict": "{verdict}, {duration:.2f}초", "steps": "{all}단계 중 {passed}단계 통과",
    },
}  # fmt: skip


class SequenceView:
    """Shows a run. ``is_quiet``: nothing but questions."""

    def __init__(self, package: Package, console: Console, *, is_quiet: bool = False) -> None:
        self._package, self._console, self._is_quiet = package, console, is_quiet
        self._texts = _TEXTS["ko" if language_from_env() == "ko" else "en"]
        self._status: Status | None = None
        self._underway: dict[int, str] = {}
        self._is_asking = False
        self._showers: Mapping[str, Callable[[Any], None]] = {
            records.STEP_START: self._started,
            records.STEP_COMPLETE: self._completed,
            records.CLEANUP_START: lambda _data: self._print(f"[dim]── {self._texts['cleanup']} ──[/]"),
            records.RETRY: lambda data: self._note("retry", data),
            records.LOCK_WAIT: lambda data: self._note("lock", data),
            records.RENDEZVOUS_WAIT: lambda data: self._note("meet", data),
            records.LOG: lambda data: self._print(f"  [dim]{escape(str(data['message']))}[/]"),
        }

    def begin(self, run: SequenceRun) -> None:
        """Say what is run, with which parameters."""
        given = ", ".join(f"{name}={self._shown(name, value)}" for name, value in run.parameters.items())
        title = f"[bold]{escape(self._package.title)}[/] {escape(self._package.name)} {escape(self._package.version)}"
        with self._unread():
            self._print(f"{title}  [dim]{escape(given)}[/]")

    def _shown(self, name: str, value: object) -> str:
        unit = self._package.parameters[name].unit
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"{text} {unit}" if unit else text

    def show(self, event: Shown) -> None:
        """One event of the run. Never raises: that nobody reads any more must not end what drives hardware."""
        if event.kind == PROMPT_CLOSED:
            self._is_asking = False
        with self._unread():
            self._show(event)

    @contextmanager
    def _unread(self) -> Iterator[None]:
        """Whatever becomes of the screen (``| head``, a full disk): from then on nothing is shown."""
        try:
            yield
        except (OSError, ValueError, SystemExit) as error:  # rich ends the program on a broken pipe
            self._is_quiet, self._status = True, None
            if not isinstance(error, SystemExit):
                print(f"the progress cannot be shown any more: {error}", file=sys.stderr)

    def _show(self, event: Shown) -> None:
        if not self._is_quiet:
            shower = self._showers.get(event.kind)
            if shower is not None:
                shower(event.data)
            self._refresh()

    def _started(self, data: Any) -> None:
        self._underway[data["order"]] = data["title"] or data["path"]

    def _note(self, text: str, data: Mapping[str, object]) -> None:
        self._print(f"  [dim]{escape(str(data['step']))}: {escape(self._texts[text].format(**data))}[/]")

    def _completed(self, data: Any) -> None:
        self._underway.pop(data["order"], None)
        mark, style = _MARKS[data["verdict"]]
        duration = f"{data['duration']:.3f} s" if data["duration"] is not None else self._texts["skipped"]
        self._print(f"[{style}]{mark}[/] {escape(data['path'])}  [dim]{duration}[/]{self._found(data)}")
        if data["error"]:
            self._print(f"    [red]{escape(data['error'])}[/]")

    @staticmethod
    def _found(data: Any) -> str:
        parts = []
        for one in data["measurements"]:
            style = _MARKS[one["verdict"]][1]
            limits = f" [dim]({escape(one['limits'])})[/]" if one["limits"] else ""
            parts.append(
                f"[{style}]{escape(one['name'])} = {escape(shortened(one['value']))} {escape(one['unit'])}[/]{limits}"
            )
        if "answer" in data["result"]:
            parts.append(f"[dim]{escape(str(data['result']['answer']))}[/]")
        return "  " + ", ".join(parts) if parts else ""

    def ask(self, prompt: Prompt) -> None:
        """Put a question on the screen."""
        self._is_asking = True
        self._refresh()
        self._console.print(f"[bold cyan]? {escape(prompt.text)}[/]")
        for number, choice in enumerate(prompt.choices, start=1):
            self._console.print(f"    {number}  {escape(choice)}")
        if prompt.default is not None:
            self._console.print(f"    [dim]{escape(self._texts['default'].format(default=prompt.default))}[/]")

    def ask_again(self, prompt: Prompt) -> None:
        """The line that was typed is no answer."""
        self._console.print(f"    [dim]{self._texts['choose']}: {escape(', '.join(prompt.choices))}[/]")

    def stopping(self, *, is_again: bool) -> None:
        """Ctrl-C was pressed."""
        with self._unread():
            self._print(f"[magenta]{self._texts['again' if is_again else 'stopping']}[/]")

    def note(self, text: str) -> None:
        """Something that whoever looks should know."""
        with self._unread():
            self._print(f"[yellow]{escape(text)}[/]")

    def end(self, record: ExecutionRecord, steps: Sequence[StepRecord]) -> None:
        """The verdict."""
        self._underway.clear()
        with self._unread():
            self._refresh()
            self._verdict(record, steps)

    def _verdict(self, record: ExecutionRecord, steps: Sequence[StepRecord]) -> None:
        verdict = record.verdict or Verdict.ERROR
        mark, style = _MARKS[verdict.value]
        said_ = self._texts["verdict"].format(verdict=verdict.value.upper(), duration=record.duration or 0.0)
        counted = self._texts["steps"].format(passed=sum(step.is_pass for step in steps), all=len(steps))
        named = (
            ""
            if record.reason or verdict is Verdict.PASS
            else _named([step.name for step in steps if step.verdict is verdict])
        )
        simulated = f"  {self._texts['simulation']}" if record.is_simulated else ""
        reason = f"  [dim]{escape(record.reason)}[/]" if record.reason else ""
        self._print(f"[{style}]{mark} {said_}{named}[/], {counted}{simulated}{reason}")

    def _print(self, text: str) -> None:
        if not self._is_quiet:
            self._console.print(text, soft_wrap=True)

    def _refresh(self) -> None:
        """The line at the bottom that moves: only on a real terminal, and not while somebody types."""
        if not self._console.is_terminal or self._is_quiet:
            return
        if self._is_asking or not self._underway:
            if self._status is not None:
                self._status.stop()
                self._status = None
            return
        text = ", ".join(map(escape, self._underway.values()))
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)


def _named(steps: Sequence[str]) -> str:
    """The steps that a verdict comes from."""
    more = " ..." if len(steps) > _MOST_NAMED else ""
    return f": {escape(', '.join(steps[:_MOST_NAMED]))}{more}"
