"""A browser's session: a signed cookie that names a key, so that a restart of the station signs nobody out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from typing import Final

from engine.clock import Clock
from engine.station.web.keys import KeyRing

COOKIE: Final = "station_session"
LIFETIME_S: Final = 12 * 3600


class Sessions:
    """Makes and checks the cookie. Taking a key away ends its sessions."""

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring, self._clock = ring, clock
        self._secret: bytes | None = None

    def cookie(self, name: str) -> str:
        """The value for whoever has shown the key ``name``."""
        until = int(self._clock.now().timestamp()) + LIFETIME_S
        head = f"{base64.urlsafe_b64encode(name.encode()).decode()}.{until}"
        return f"{head}.{self._sign(head, self._ring.mark(name) or '')}"

    def owner(self, cookie: str) -> str | None:
        """The key's name; None for a cookie that is forged, old, or whose key is gone, whoever has its name now."""
        head, _, signature = cookie.rpartition(".")
        coded, _, until = head.partition(".")
        try:
            name, moment = base64.urlsafe_b64decode(coded).decode(), int(until)
        except ValueError:
            return None
        mark = self._ring.mark(name)
        if mark is None or not hmac.compare_digest(
            self._sign(head, mark).encode(), signature.encode("utf-8", "replace")
        ):
            return None
        return name if moment >= self._clock.now().timestamp() else None

    def _sign(self, head: str, mark: str) -> str:
        if self._secret is None:
            self._secret = self._ring.session_secret()
        return hmac.new(self._secret, f"{head}.{mark}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Patience:
    """Counts wrong keys by address: after some, an address has to wait, each further one for longer."""

    FREE: Final = 5
    FIRST_S: Final = 1.0
    LAST_S: Final = 300.0
    MOST: Final = 4096  # addresses

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, and until when it has to wait

    def wait(self, address: str) -> float:
        """Seconds for which an address has to wait; 0: it may try."""
        _, until = self._wrong.get(address, (0, 0.0))
        return max(0.0, until - self._clock.monotonic())

    def note_wrong(self, address: str) -> None:
        """A wrong key came."""
        count = self._wrong.pop(address, (0, 0.0))[0] + 1
        over = count - self.FREE
        pause = min(self.FIRST_S * 2 ** min(over - 1, 16), self.LAST_S) if over > 0 else 0.0
        self._wrong[address] = (count, self._clock.monotonic() + pause)
        if len(self._wrong) > self.MOST:
            self._wrong.popitem(last=False)

    def note_right(self, address: str) -> None:
        """A right key came."""
        self._wrong.pop(address, None)
