"""What people see of a demo: a live screen in a terminal, one line an event elsewhere, and a summary at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.ports import StoreCounts
from engine.service.gateway import GatewayStatus
from engine.sim.audit import Audit, Verdict
from engine.sim.boxes import Box

_LIVE_INTERVAL_S: Final = 0.125
_NEWS: Final = 6  # facts on the live screen
_ROWS_WITHOUT_NEWS: Final = 10  # of the screen, and one below it for the cursor; without the machines
_MOST_VERDICTS: Final = 40  # right boxes beyond these are only counted
_UNSHOWN: Final = frozenset({"event", "level", "timestamp"})


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of the demo."""

    elapsed: float
    server_url: str
    is_online: bool
    status: GatewayStatus
    counts: StoreCounts
    server_records: int
    stream_messages: int
    boxes_placed: int
    boxes_done: int
    boxes: int


@dataclass(frozen=True, slots=True)
class Result:
    """How the demo ended; well, when ``problems`` is empty. Times in seconds."""

    audit: Audit
    problems: list[str]
    boxes: int
    lines: int
    seed: int
    offline: float
    elapsed: float
    stopped_in: float
    stream_messages: int


class View(Protocol):
    """Shows a demo. ``interval`` is how often it wants a scene, in seconds; None when it wants none."""

    interval: float | None

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def tell(self, elapsed: float, event: str, values: Mapping[str, Any]) -> None:
        """A fact, as it was logged."""
        ...

    def show(self, scene: Scene) -> None:
        """The present moment."""
        ...

    def conclude(self, result: Result, folder: Path | None) -> None:
        """The end; ``folder`` is where the database and the log are, if they were kept."""
        ...


def make_view(console: Console) -> View:
    """The live screen where there is a terminal that can show it."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(console)


class PlainView:
    """One line an event."""

    interval: float | None = None

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def tell(self, elapsed: float, event: str, values: Mapping[str, Any]) -> None:
        """Print the fact."""
        self._console.print(_fact(elapsed, event, values), soft_wrap=True)

    def show(self, scene: Scene) -> None:
        """Lines are enough."""

    def conclude(self, result: Result, folder: Path | None) -> None:
        """Print the summary."""
        self._console.print()
        self._console.print(summary(result, folder))


class LiveView:
    """A screen that is drawn anew eight times a second, below which the last events stand."""

    interval: float | None = _LIVE_INTERVAL_S

    def __init__(self, console: Console) -> None:
        self._console = console
        self._news: deque[Text] = deque(maxlen=_NEWS)
        # No thread of its own: the demo's loop draws it.
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def tell(self, elapsed: float, event: str, values: Mapping[str, Any]) -> None:
        """Keep the fact for the next drawing."""
        self._news.append(_fact(elapsed, event, values))

    def show(self, scene: Scene) -> None:
        """Draw."""
        self._live.update(screen(scene, list(self._news), self._console.height), refresh=True)

    def conclude(self, result: Result, folder: Path | None) -> None:
        """Print the summary below the last screen."""
        self._console.print(summary(result, folder))


def screen(scene: Scene, news: list[Text], height: int) -> RenderableType:
    """The live screen; its height does not change, so that nothing jumps. A low terminal shows fewer events."""
    server = Text("online", "green") if scene.is_online else Text("offline", "bold red")
    elapsed = (f"{_clock(scene.elapsed)}   ", "dim")
    head = Text.assemble(elapsed, ("server ", "dim"), scene.server_url, "  ", server)
    room = max(0, min(_NEWS, height - len(scene.status.machines) - _ROWS_WITHOUT_NEWS))
    lines = ([Text()] * room + news)[-room:] if room else []
    records = _one_row(_records(scene))
    shown = [_one_row(line) for line in lines]
    return Panel(
        Group(_one_row(head), Text(), _machines(scene), Text(), records, _progress(scene), Text(), *shown),
        title="ScaleLedger virtual hall",
        title_align="left",
        border_style="cyan",
    )


def summary(result: Result, folder: Path | None) -> RenderableType:
    """The table of boxes, the totals and the verdict."""
    parts: list[RenderableType] = [_verdicts(result.audit.verdicts), _totals(result)]
    parts += [Text(f"  {problem}", "red") for problem in result.problems]
    if folder is not None:
        parts.append(Text.assemble(("database, log and site.yaml: ", "dim"), str(folder)))
    count = len(result.audit.verdicts)
    if result.problems:
        parts.append(Text(f"FAILED: {_plural(len(result.problems), 'problem')}", "bold red"))
    else:
        parts.append(
            Text(f"OK: {_plural(count, 'box', 'boxes')}, each recorded once here and once at the server", "bold green")
        )
    return Group(*parts)


def _machines(scene: Scene) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for name in ("machine", "chart"):
        table.add_column(name, min_width=10, no_wrap=True)
    table.add_column("weight", justify="right", min_width=12, no_wrap=True)
    table.add_column("state", min_width=30)  # in a narrow terminal this one gives way
    weights = {line.name: line.weight for line in scene.status.lines}
    for machine in scene.status.machines:
        weight: str | Text = ""
        if machine.name in weights:
            shown = weights[machine.name]
            weight = Text(str(shown), "bold yellow") if shown is not None else Text("---", "dim")
        state = Text.assemble((machine.state_title, "bold"), (f"  {' '.join(machine.states)}", "dim"))
        table.add_row(machine.name, machine.title, weight, _one_row(state))
    return table


def _records(scene: Scene) -> Text:
    counts = scene.counts
    waiting = "bold yellow" if counts.waiting else "green"
    return Text.assemble(
        ("records here ", "dim"), f"{counts.total}",
        ("   sent ", "dim"), f"{counts.sent}",
        ("   outbox ", "dim"), (f"{counts.waiting}", waiting),
        ("   at the server ", "dim"), f"{scene.server_records}",
        ("   stream messages ", "dim"), f"{scene.stream_messages}",
    )  # fmt: skip


def _progress(scene: Scene) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    bar = ProgressBar(total=scene.boxes, completed=scene.boxes_done)
    table.add_row(Text.assemble(("boxes ", "dim"), f"{scene.boxes_done}/{scene.boxes}"), bar)
    return table


def _verdicts(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table(title="boxes weighed", title_justify="left", header_style="dim")
    for name in ("line", "card"):
        table.add_column(name)
    for name in ("scale showed", "here", "at the server"):
        table.add_column(name, justify="right")
    table.add_column("")
    shown = [v for v in verdicts if v.problems]
    right = [v for v in verdicts if not v.problems]
    for verdict in sorted(shown + right[:_MOST_VERDICTS], key=verdicts.index):
        box = verdict.box
        mark = Text("WRONG", "bold red") if verdict.problems else Text("ok", "green")
        here, there = (_weights(box, weights) for weights in (verdict.local, verdict.server))
        table.add_row(box.line, box.card, f"{box.weight} kg", here, there, mark)
    if len(right) > _MOST_VERDICTS:
        table.add_row("...", f"{len(right) - _MOST_VERDICTS} more", "", "", "", Text("ok", "green"))
    return table


def _weights(box: Box, weights: tuple[Decimal, ...]) -> str:
    """With the scale's places where they are the same weight, else every digit that was stored."""
    return ", ".join(str(box.weight if weight == box.weight else weight) for weight in weights) or "-"


def _totals(result: Result) -> Text:
    audit = result.audit
    sent = f"{audit.local_rows} here, {audit.server_rows} at the server"
    offline = f"; the server was down for {result.offline:g} s" if result.offline else ""
    return Text(
        f"{len(audit.verdicts)} of {_plural(result.boxes, 'box', 'boxes')} on {_plural(result.lines, 'line')} "
        f"(seed {result.seed}); rows: {sent}; stream messages: {result.stream_messages}{offline}; "
        f"{result.elapsed:.1f} s in all, the service stopped in {result.stopped_in:.2f} s"
    )


def _one_row(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _fact(elapsed: float, event: str, values: Mapping[str, Any]) -> Text:
    shown = " ".join(
        f"{key}={_value(key, value)}" for key, value in values.items() if key not in _UNSHOWN and value is not None
    )
    style = {"warning": "yellow", "error": "red", "critical": "red"}.get(str(values.get("level")), "")
    return Text.assemble((f"{_clock(elapsed)}  ", "dim"), (f"{event:<26}", style), f"  {shown}" if shown else "")


def _value(key: str, value: object) -> str:
    text = str(value)[:8] if key == "uuid" else str(value)
    return f'"{text}"' if " " in text else text


def _clock(seconds: float) -> str:
    return f"{seconds:6.2f} s"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
