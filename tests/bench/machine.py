"""The machine that measures: what it is, how busy it is with other things, and how fast its Python runs just now."""

from __future__ import annotations

import os
import platform
import time
from typing import Final

import psutil

_ROUNDS: Final = 400_000


def describe() -> str:
    """One line that makes figures of two machines, or of two days, comparable."""
    load = "" if not hasattr(os, "getloadavg") else f", load {os.getloadavg()[0]:.1f} before this"
    return (
        f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}; a fixed loop takes {_yardstick_ms():.0f} ms of CPU"
    )


class Stolen:
    """How much of the processors the machine beneath this one took meanwhile, where the system tells (Linux)."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def describe(self) -> str:
        """One line, since this was made."""
        now = psutil.cpu_times()
        spent = sum(now) - sum(self._before)
        steal = getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)
        busy = spent - (now.idle - self._before.idle) - steal
        share = 100 * steal / max(steal + busy, 1e-9)
        return f"of the time that work wanted a processor, the machine beneath withheld it {share:.0f} %"


def _yardstick_ms() -> float:
    """CPU time of a fixed piece of work, the best of five: what a busy neighbour on the same core costs shows here."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        total = 0
        for number in range(_ROUNDS):
            total += number & 3
        best = min(best, time.process_time() - started)
    return best * 1000
