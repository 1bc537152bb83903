"""What becomes of an error on its way to the user: a diagnostic, a sentence, or a file with the details of a bug."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.cli.command import BUG, INTERRUPTED, PROBLEM, UNREAD
from engine.errors import Diagnostic, DiagnosticError, EngineError


def guarded(run: Callable[[], int]) -> int:
    """The exit code of ``run``, or of what it raised, which has been told on standard error then."""
    try:
        return run()
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches a user's screen
        return UNREAD if isinstance(error, BrokenPipeError) and nobody_reads() else _tell(error)


def nobody_reads() -> bool:
    """Whether what we printed went nowhere, as behind ``| head``: then nothing is left to say, now and at the end."""
    try:
        sys.stdout.flush()
        is_lost = _has_lost_its_reader(sys.stdout.fileno())
    except BrokenPipeError:
        is_lost = True
    except (OSError, ValueError, AttributeError):  # none, closed, or no file: what a window or a test gives
        return False
    if is_lost:
        # What is left in the buffer would be tried, and complained of, once more at the end of the program.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return is_lost


def _has_lost_its_reader(descriptor: int) -> bool:
    import select

    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)  # an error is told without being asked for
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _tell(error: Exception) -> int:
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, EngineError) for leaf in leaves):
        return _tell_bug(error)
    for leaf in leaves:
        if isinstance(leaf, DiagnosticError):
            _tell_diagnostics(leaf.diagnostics)
        else:
            _say(f"error: {leaf}")
    return PROBLEM


def _leaves(error: Exception) -> Iterator[Exception]:
    """The errors of a group of tasks, one by one."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _tell_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    from engine.documents.render import language_from_env, render

    language = language_from_env()
    sources: dict[str, list[str] | None] = {}
    for diagnostic in diagnostics:
        file = diagnostic.position.file
        if file not in sources:
            sources[file] = _lines(Path(file))
        _say(render(diagnostic, sources[file], language))


def _lines(path: Path) -> list[str] | None:
    """A file's lines, to show places in; None for what cannot be shown."""
    from engine.documents.limits import MAX_BYTES
    from engine.documents.tree import split_lines

    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        return list(split_lines(path.read_text(encoding="utf-8-sig", errors="replace")))
    except (OSError, ValueError):
        return None


def _tell_bug(error: Exception) -> int:
    details = _details(error)
    try:
        where = f"details: {_write_crash(details)}"
    except OSError:
        where = details  # better a screen full than nothing
    _say(f"engine stopped on an error of its own ({type(error).__name__}: {error}).")
    _say("This is a bug in engine, not in your files; please report it with the details.")
    _say(where)
    return BUG


def _details(error: Exception) -> str:
    import platform
    import traceback

    from engine import __version__

    head = f"engine {__version__}, Python {platform.python_version()}, {platform.platform()}\nengine {sys.argv[1:]}\n\n"
    return head + "".join(traceback.format_exception(error))


def _write_crash(details: str) -> Path:
    from platformdirs import PlatformDirs

    from engine.clock import SystemClock

    folder = PlatformDirs("scaleledger", appauthor=False).user_log_path
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crash-{SystemClock().now():%Y%m%d-%H%M%S-%f}.log"
    path.write_text(details, encoding="utf-8")
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr)
