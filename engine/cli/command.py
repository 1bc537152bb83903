"""What a command is, and the types of arguments that several commands take."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

OK: Final = 0
PROBLEM: Final = 1  # an expected one, told without a traceback
USAGE: Final = 2
BUG: Final = 3  # ours; the details are in a file
INTERRUPTED: Final = 130
UNREAD: Final = 141  # whoever read our output has gone, as a shell says it of other programs


@dataclass(frozen=True, slots=True)
class Command:
    """One word after ``engine``. ``run`` gives the exit code; heavy imports belong inside it."""

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argument's type: a whole number in a range."""

    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None
        if number is None or not least <= number <= most:
            raise ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")
        return number

    return parse


def duration(text: str) -> float:
    """An argument's type: ``10s``, ``150 ms``, ``2 min`` as seconds."""
    from engine.errors import UnitError
    from engine.units import parse_duration

    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ArgumentTypeError(f"'{text}' has no unit; for seconds write {text}s")
    try:
        return parse_duration(text)
    except UnitError as error:
        raise ArgumentTypeError(str(error)) from error
