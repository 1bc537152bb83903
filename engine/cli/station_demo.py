"""The screen of ``engine station --demo``: the batches live in a terminal, one line a run elsewhere, then a summary."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from pathlib import Path
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.sequence.records import SEQUENCE_COMPLETE
from engine.service import logs
from engine.station.bus import CRASH, StationEvent
from engine.station.demo import STEPS, Demo, Summary
from engine.station.station import Station

_COLOURS: Final = {
    "pass": "green",
    "marginal": "yellow",
    "inconclusive": "yellow",
    "fail": "red",
    "error": "red",
    "aborted": "magenta",
}
_STATUS: Final = {"running": "green", "error": "red", "starting": "cyan", "stopping": "cyan", "idle": "dim"}
_EVERY_S: Final = 0.1
_NEWS: Final = 8
_BAR: Final = 16


class _Screen:
    def __init__(self, console: Console) -> None:
        self.station: Station | None = None
        self.url = ""
        self._console = console
        self._done: dict[str, Counter[str]] = {}
        self._news: deque[Text] = deque(maxlen=_NEWS)

    def tell(self, event: StationEvent) -> None:
        """An event of the station."""
        if event.type == SEQUENCE_COMPLETE:
            verdict = str(event.data.get("verdict"))
            self._done.setdefault(event.batch_id, Counter())[verdict] += 1
            reason = event.data.get("reason") or ""
            told = (
                f"{event.at:%H:%M:%S} {event.batch_id}  {verdict:<9} {event.data.get('duration', 0):6.2f} s  {reason}"
            )
            self._add(Text(told, style=_COLOURS.get(verdict, "")))
        elif event.type == CRASH:
            told = f"{event.at:%H:%M:%S} {event.batch_id}  crashed: {event.data.get('reason')}; cleaning up"
            self._add(Text(told, style="bold magenta"))

    def _add(self, line: Text) -> None:
        self._news.append(line)
        if not self._console.is_terminal:
            self._console.print(line)

    def __rich__(self) -> Group:
        title = f"four simulated batches, {STEPS} steps each; API at {self.url}/api"
        table = Table(title=title, title_justify="left", expand=False)
        for title in ("batch", "status", "pid", "step", "progress", "pass", "fail", "other"):
            table.add_column(title, no_wrap=True)
        for status in self.station.statuses() if self.station is not None else ():
            done = self._done.get(status.id, Counter())
            good = done["pass"] + done["marginal"]
            filled = round((status.progress or 0.0) * _BAR)
            table.add_row(
                status.id,
                Text(status.status, style=_STATUS.get(status.status, "")),
                str(status.pid or ""),
                status.current_step or "",
                "█" * filled + "░" * (_BAR - filled),
                str(good),
                str(done["fail"]),
                str(done.total() - good - done["fail"]),
            )
        return Group(table, *self._news)


def run_demo(runs: int | None) -> bool:
    """Run the demo; whether nothing was lost."""
    console = Console(highlight=False)
    screen = _Screen(console)

    def begin(station: Station, url: str) -> None:
        screen.station, screen.url = station, url
        if not console.is_terminal:
            console.print(f"API at {url}/api, described at {url}/api/openapi.json", soft_wrap=True)

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        logs.configure("error", "json", file=nowhere)  # what there is to tell is on the screen
        summary = asyncio.run(_live(Demo(runs, begin, screen.tell), screen, console))
    _tell(console, summary)
    return not summary.problems


async def _live(demo: Demo, screen: _Screen, console: Console) -> Summary:
    if not console.is_terminal:
        return await demo.run()
    with Live(screen, console=console, auto_refresh=False) as live:
        drawing = asyncio.create_task(_draw(live))
        try:
            return await demo.run()
        finally:
            drawing.cancel()
            live.refresh()


async def _draw(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(_EVERY_S)


def _tell(console: Console, summary: Summary) -> None:
    verdicts = ", ".join(f"{count} {name}" for name, count in sorted(summary.verdicts.items())) or "none"
    console.print(
        f"{summary.asked} runs asked for, {summary.kept} in the database ({verdicts}); "
        f"{summary.crashes} crashes; {summary.cleanups} cleanups; {summary.elapsed:.1f} s"
    )
    for problem in summary.problems:
        console.print(Text(f"wrong: {problem}", style="bold red"))
    if not summary.problems:
        console.print(Text("nothing lost, every run cleaned up exactly once", style="green"))
