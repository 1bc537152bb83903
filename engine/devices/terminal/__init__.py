"""The unmanned weighing terminal (SUWOL-1000) as its master sees it: polled, and told what to show, say and print."""

from __future__ import annotations

from typing import Final

POLL_RANGE_S: Final = (0.1, 0.2)  # an exchange takes 88.5 ms at 9600 baud; a card or a key waits for one poll only
