"""What a batch takes of the machine, and whether that is too much."""

from __future__ import annotations

from engine.station.settings import Limits

_MEGA = 1_000_000


def over_limit(pid: int, limits: Limits) -> str | None:
    """Why a process and its children have to go; None when they may stay."""
    if limits.memory is None and limits.cpu is None:
        return None
    import psutil  # only where there are limits

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        if limits.memory is not None:
            taken = sum(_memory(one) for one in family)
            if taken > limits.memory:
                return f"it took {taken / _MEGA:.0f} MB of memory; its limit is {limits.memory / _MEGA:.0f} MB"
        if limits.cpu is not None:
            seconds = sum(_cpu(one) for one in family)
            if seconds > limits.cpu:
                return f"it took {seconds:.1f} s of the processor; its limit is {limits.cpu:g} s"
    except psutil.Error:
        return None  # it is gone, which is seen elsewhere
    return None


def _memory(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except psutil.Error:
        return 0


def _cpu(process: object) -> float:
    import psutil

    try:
        times = process.cpu_times()  # type: ignore[attr-defined]
        return float(times.user + times.system)
    except psutil.Error:
        return 0.0
