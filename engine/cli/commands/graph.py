"""``engine graph``: a chart as a picture, a page, a diagram's source, or a tree in the terminal."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.cli.command import OK, USAGE, Command
from engine.errors import Diagnostic, DiagnosticError, EngineError, Position
from engine.render.formats import ENDINGS, FORMATS, format_of

if TYPE_CHECKING:
    from engine.bindings.registry import Registry
    from engine.chart.load import Source
    from engine.chart.model import Chart
    from engine.render.scene import Scene

_TITLES: Final = ("ko", "en", "both")


class _OutputError(EngineError):
    """The picture cannot be written where it should be."""


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "chart", metavar="CHART", help="a shipped chart's or sequence's name, a file, or a sequence package"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here instead of to the terminal")
    parser.add_argument(
        "--format", choices=FORMATS, metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: what FILE ends in, else text)",
    )  # fmt: skip
    parser.add_argument("--active", metavar="STATE,...", default="", help="light these states")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="show how often each transition was taken")
    parser.add_argument("--diff", metavar="OTHER", help="colour what was changed against this chart, by name or file")
    parser.add_argument(
        "--title-language", choices=_TITLES, default="both",
        help="name states by their Korean title, by their English id, or by both (default: %(default)s)",
    )  # fmt: skip


def _run(arguments: Namespace) -> int:
    format_ = arguments.format or ("text" if arguments.output is None else format_of(arguments.output))
    if format_ is None:
        endings = ", ".join(ending for group in ENDINGS.values() for ending in group[:1])
        return _misused(f"'{arguments.output}' does not say which format it is; end it in {endings}, or give --format")
    if format_ == "png" and arguments.output is None and sys.stdout.isatty():
        return _misused("a PNG is nothing for a terminal; give it a file with -o FILE.png")

    from engine.documents.tree import split_lines
    from engine.render.formats import written
    from engine.render.marks import UnknownStateError

    sources: dict[str, Source] = {}
    try:
        scene = _scene(arguments, sources)
    except UnknownStateError as error:
        return _misused(str(error))
    _check_output(arguments.output)
    _warn_of_fonts(scene, format_)
    lines = {name: split_lines(source.text) for name, source in sources.items()}
    _write(written(scene, format_, lines, width=_terminal_width(arguments.output)), arguments.output)
    return OK


def _scene(arguments: Namespace, sources: dict[str, Source]) -> Scene:
    """The chart as it is to be drawn, with everything marked that was asked for. Raises EngineError."""
    from engine.render.build import scene_of
    from engine.render.diff import mark_changes
    from engine.render.marks import light
    from engine.render.scene import Titles

    titles = Titles(arguments.title_language)
    scene = scene_of(_load(arguments.chart, sources), titles)
    if arguments.diff is not None:
        mark_changes(scene, scene_of(_load(arguments.diff, sources), titles))
    light(scene, [state for part in arguments.active.split(",") if (state := part.strip())])
    if arguments.trace is not None:
        _count(scene, arguments.trace)
    return scene


def _load(chart: str, sources: dict[str, Source]) -> Chart:
    """A chart by name or path, and the files that it was read from. Raises EngineError."""
    from engine.chart.load import build_checked, read_chart
    from engine.documents.suggest import did_you_mean
    from machines import shipped_charts

    package = _package_of(chart)
    if package is not None:
        return _load_sequence(package, sources)
    known = sorted(shipped_charts())
    is_name = Path(chart).name == chart and not Path(chart).suffix
    if is_name and chart not in known and not Path(chart).exists():
        params = {"name": chart, "guess": did_you_mean(chart, known) or "", "known": known}
        raise DiagnosticError([Diagnostic("unknown-chart", Position(chart), params)])
    return build_checked(read_chart(chart, sources), _registry(None if chart in known else Path(chart)))


def _package_of(chart: str) -> str | None:
    """The sequence package that is meant: its name, its folder, or its sequence.yaml."""
    from engine.cli.validation.kinds import kind_of_file
    from machines import shipped_charts, shipped_sequences

    path = Path(chart)
    is_package = (path / "sequence.yaml").is_file() or kind_of_file(path) == "sequence"
    return chart if is_package or (chart in shipped_sequences() and chart not in shipped_charts()) else None


def _load_sequence(package: str, sources: dict[str, Source]) -> Chart:
    """The chart that a sequence comes down to. Raises DiagnosticError."""
    from engine.chart.load import Source
    from engine.sequence.package import check_package

    checked = check_package(package)
    if checked.package is None:
        raise DiagnosticError([found for found in checked.findings if found.severity == "error"])
    for name, path in checked.texts.items():
        sources[name] = Source(path, path.read_text(encoding="utf-8-sig"))
    return checked.package.chart


def _registry(chart: Path | None) -> Registry:
    """Everything that the chart may name: what is shipped and installed, and the bindings of the site it belongs to."""
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.find import site_of
    from engine.cli.validation.site import read_bindings

    site = None if chart is None else site_of(chart)
    return make_registry([] if site is None else read_bindings(site))


def _count(scene: Scene, trace: Path) -> None:
    from engine.render.trace import count_trace

    counted = count_trace(scene, trace)
    if counted.unreadable:
        _say(f"warning: {counted.unreadable} lines of '{trace}' are no macrosteps and were passed over")
    if counted.unknown:
        _say(
            f"warning: {counted.unknown} of the transitions taken in '{trace}' are not in this chart; "
            "was the trace recorded with another chart or version?"
        )


def _check_output(output: Path | None) -> None:
    """Before a second is spent on drawing."""
    if output is None:
        return
    if output.is_dir():
        raise _OutputError(f"'{output}' is a folder; name a file in it, as in {output / 'chart.svg'}")
    if not output.parent.is_dir():
        raise _OutputError(f"the folder '{output.parent}' does not exist; make it first")


def _warn_of_fonts(scene: Scene, format_: str) -> None:
    if format_ != "png":
        return
    from engine.render.measure import has_hangul_or_han
    from engine.render.png import NO_FONT, can_draw_hangul

    texts = [scene.title, *(name for box in scene.boxes.values() for name in scene.names(box))]
    if any(map(has_hangul_or_han, texts)) and not can_draw_hangul():
        _say(f"warning: {NO_FONT}")


def _terminal_width(output: Path | None) -> int | None:
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def _write(content: str | bytes, output: Path | None) -> None:
    if output is None:
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(content)
        return
    data = content if isinstance(content, bytes) else content.encode()
    try:
        output.write_bytes(data)
    except OSError as error:
        raise _OutputError(f"'{output}' cannot be written: {error.strerror or error}") from error


def _misused(message: str) -> int:
    _say(f"engine graph: error: {message}")
    return USAGE


def _say(text: str) -> None:
    print(text, file=sys.stderr)


COMMAND = Command(
    "graph", "draw a chart: as a picture, a page, Mermaid, DOT, or a tree in the terminal", _add_arguments, _run
)
