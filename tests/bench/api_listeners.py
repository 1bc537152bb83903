"""WebSocket clients in one process that does next to nothing: ``python -m tests.bench.api_listeners PORT CLIENTS``.

They take the time as bytes arrive, and look into them only at the end (when standard input ends): what clients cost
must not be taken for what the station costs. What they have heard is one line of JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

_SHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_SUBSCRIBE: Final = b'{"type":"subscribe","batch_ids":["*"]}'
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_EVENTS: Final = frozenset({"step_start", "step_complete"})


class _GoneError(Exception):
    """The station has ended a connection."""


@dataclass(slots=True)
class _Client:
    """One connection: when which texts came."""

    socket: socket.socket
    rest: bytearray = field(default_factory=bytearray)
    heard: list[tuple[float, bytes]] = field(default_factory=list)

    def read(self) -> None:
        """Take what is there. Raises _GoneError."""
        data = self.socket.recv(1 << 18)
        now = time.time()
        if not data:
            raise _GoneError
        self.rest += data
        for opcode, payload in self._frames():
            if opcode == _TEXT:
                self.heard.append((now, payload))
            elif opcode == _PING:
                self.say(_PONG, payload)
            elif opcode == _CLOSE:
                raise _GoneError

    def say(self, opcode: int, payload: bytes) -> None:
        """Send a short frame, masked with zeros."""
        self.socket.sendall(bytes((opcode, 0x80 | len(payload))) + bytes(4) + payload)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """The frames that are whole (RFC 6455, 5.2); a server's are not masked."""
        rest, at = self.rest, 0
        while len(rest) - at >= 2:
            length, begin = rest[at + 1], at + 2
            if length >= 126:
                wide = 2 if length == 126 else 8
                begin += wide
                length = int.from_bytes(rest[at + 2 : begin]) if len(rest) >= begin else len(rest)
            if len(rest) - begin < length:
                break
            yield rest[at], bytes(rest[begin : begin + length])
            at = begin + length
        del rest[:at]

    def told(self) -> dict[str, Any]:
        """Latencies of step events, and how many messages were missed."""
        latencies, missed, last = [], 0, dict[str, int]()
        for came, text in self.heard:
            message = json.loads(text)
            batch, number = message["batch_id"], message["seq"]
            if message["type"] != "snapshot" and batch in last:
                missed += number - last[batch] - 1
            last[batch] = number
            if message["type"] in _EVENTS:
                latencies.append(came - datetime.fromisoformat(message["at"]).timestamp())
        return {"latencies": latencies, "missed": missed}


def _connected(port: int) -> _Client:
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(_SHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.recv(1)
    client = _Client(line)
    client.say(_TEXT, _SUBSCRIBE)
    return client


def main() -> None:
    """Listen until standard input ends."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    clients = [_connected(port) for _ in range(count)]
    dropped = 0
    with selectors.DefaultSelector() as watched:
        watched.register(sys.stdin, selectors.EVENT_READ)
        for client in clients:
            watched.register(client.socket, selectors.EVENT_READ, client)
        began = time.monotonic()
        while (ready := [key for key, _ in watched.select()]) and all(key.data is not None for key in ready):
            for key in ready:
                try:
                    key.data.read()
                except (_GoneError, OSError):
                    dropped += 1
                    watched.unregister(key.fileobj)
        seconds = time.monotonic() - began
    cpu = time.process_time()
    print(json.dumps({"seconds": seconds, "cpu": cpu, "dropped": dropped, "clients": [one.told() for one in clients]}))


if __name__ == "__main__":
    main()
