"""ZeroMQ between a master and its batches: one socket for calls both ways, one for what is only shown.

Every message is encrypted and authenticated (CURVE) with keys that are made anew for each run and handed to a batch
over its standard input: a stranger who finds the socket cannot speak to it. On POSIX the sockets are files in a folder
that only this user can enter; on Windows they are loopback ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import structlog
import zmq

log = structlog.get_logger(__name__)

_IS_POSIX: Final = os.name == "posix"
_SHORT: Final = "/tmp"  # noqa: S108 - mkdtemp makes a folder in it that nobody else enters
_LINGER_MS: Final = 500  # what was sent just before an end still leaves
_AT_A_TIME: Final = 100  # messages
_LOOK_S: Final = 0.005  # where the loop watches no files
_MOST_SHOWN: Final = 10_000  # messages for display that wait; more are dropped, they are only shown


@dataclass(frozen=True, slots=True)
class Keys:
    """What a batch needs to speak to its master. ``secret`` is its own; never logged."""

    calls: str  # where the socket for calls is
    shown: str  # where the socket for display is
    master: str  # the master's public key
    public: str
    secret: str = field(repr=False)

    def to_json(self) -> dict[str, str]:
        """As plain JSON values, for the standard input of a batch."""
        return asdict(self)


class MasterWires:
    """The master's ends. ``on_call(peer, data)`` gets the messages of a batch by its name; ``on_shown`` the rest.

    Use it as a context manager, and await :meth:`run` in a task.
    """

    def __init__(self, on_call: Callable[[str, bytes], None], on_shown: Callable[[str, bytes], None]) -> None:
        self._public, self._secret = zmq.curve_keypair()
        self._context = zmq.Context()
        self._folder = _private_folder() if _IS_POSIX else None
        self._router = self._bound(zmq.ROUTER, "c")
        self._sub = self._bound(zmq.SUB, "s")
        self._sub.subscribe(b"")
        self._calls = _Reader(self._router, self._handed(on_call))
        self._shown = _Reader(self._sub, self._handed(on_shown))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._router.close(_LINGER_MS)
        self._sub.close(0)
        self._context.term()
        if self._folder is not None:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path | None:
        """Where the sockets are; None where they are no files."""
        return self._folder

    def keys(self) -> Keys:
        """New keys for one batch."""
        public, secret = zmq.curve_keypair()
        return Keys(
            _endpoint(self._router),
            _endpoint(self._sub),
            self._public.decode(),
            public.decode(),
            secret.decode(),
        )

    def send(self, peer: str, data: bytes) -> None:
        """Send a message to a batch; nothing happens when it is not there (yet, or any more)."""
        self._router.send_multipart([peer.encode(), data], zmq.NOBLOCK)
        self._calls.look()

    async def run(self) -> None:
        """Hand on what comes, for ever."""
        await _read_for_ever(self._calls, self._shown)

    def _handed(self, hand_on: Callable[[str, bytes], None]) -> Callable[[list[bytes]], None]:
        def take(parts: list[bytes]) -> None:
            if len(parts) == 2:  # noqa: PLR2004 - a name and a message
                hand_on(parts[0].decode("utf-8", "replace"), parts[1])

        return take

    def _bound(self, kind: int, name: str) -> Any:
        socket = self._context.socket(kind)
        socket.curve_server = True
        socket.curve_publickey = self._public
        socket.curve_secretkey = self._secret
        socket.setsockopt(zmq.RCVHWM, _MOST_SHOWN if kind == zmq.SUB else 0)
        if kind == zmq.ROUTER:
            socket.setsockopt(zmq.SNDHWM, 0)
            # A batch that is started anew has its name at once, though nobody has seen the old one hang up.
            socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.bind("tcp://127.0.0.1:*" if self._folder is None else f"ipc://{self._folder / name}")
        return socket


def _private_folder() -> Path:
    """A new folder for this user alone, in the temporary one unless that has too long a name for sockets."""
    import tempfile  # only the master has a folder; what this imports would delay every process of a batch

    # With a name of its own ('slb-' and 8 characters) and a socket's: two slashes and one character.
    longest = len(os.fsencode(tempfile.gettempdir())) + len("/slb-12345678/c")
    return Path(tempfile.mkdtemp(prefix="slb-", dir=_SHORT if longest > zmq.IPC_PATH_MAX_LEN else None))


class BatchWires:
    """A batch's ends. Use it as a context manager, and await :meth:`run` in a task."""

    def __init__(self, name: str, keys: Keys, on_call: Callable[[bytes], None]) -> None:
        self._name = name.encode()
        self._context = zmq.Context()
        self._dealer = self._connected(zmq.DEALER, keys, keys.calls)
        self._calls = _Reader(self._dealer, lambda parts: on_call(parts[0]))
        self._pub = self._connected(zmq.PUB, keys, keys.shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dealer.close(_LINGER_MS)
        self._pub.close(0)
        self._context.term()

    def send(self, data: bytes) -> None:
        """Send a message to the master; it waits in memory while the master does not take it."""
        self._dealer.send(data, zmq.NOBLOCK)
        self._calls.look()

    def show(self, data: bytes) -> None:
        """Send something that is only shown; dropped when nobody takes it."""
        self._pub.send_multipart([self._name, data], zmq.NOBLOCK)

    async def run(self) -> None:
        """Hand on what the master sends, for ever."""
        await _read_for_ever(self._calls)

    def _connected(self, kind: int, keys: Keys, endpoint: str) -> Any:
        socket = self._context.socket(kind)
        socket.curve_serverkey = keys.master.encode()
        socket.curve_publickey = keys.public.encode()
        socket.curve_secretkey = keys.secret.encode()
        if kind == zmq.DEALER:
            socket.setsockopt(zmq.IDENTITY, self._name)
            socket.setsockopt(zmq.SNDHWM, 0)
        else:
            socket.setsockopt(zmq.SNDHWM, _MOST_SHOWN)
        socket.connect(endpoint)
        return socket


class _Reader:
    """Hands on what a socket receives, as its file tells the loop.

    ``zmq.asyncio`` does this too, at half a millisecond of processor time a message.
    """

    def __init__(self, socket: Any, hand_on: Callable[[list[bytes]], None]) -> None:
        self._socket, self._hand_on = socket, hand_on
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> bool:
        """Begin; False where the loop watches no files (Windows), so that somebody else has to look."""
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._drain)
        try:
            self._loop.add_reader(self._socket.getsockopt(zmq.FD), self._drain)
        except NotImplementedError:
            return False
        return True

    def stop(self) -> None:
        """Hand on nothing any more."""
        if self._loop is not None and not self._socket.closed:
            with contextlib.suppress(NotImplementedError):
                self._loop.remove_reader(self._socket.getsockopt(zmq.FD))
        self._loop = None

    def look(self) -> None:
        """Look whether something is there. The file tells only of what is new, and a send may have taken note of it."""
        if self._loop is not None and self._has_some():
            self._loop.call_soon(self._drain)

    def _has_some(self) -> bool:
        return bool(self._socket.getsockopt(zmq.EVENTS) & zmq.POLLIN)

    def _drain(self) -> None:
        for _ in range(_AT_A_TIME):
            if self._loop is None or self._socket.closed or not self._has_some():
                return
            self._hand_on(self._socket.recv_multipart(zmq.NOBLOCK))
        self.look()  # the loop has others to serve as well


async def _read_for_ever(*readers: _Reader) -> None:
    try:
        watched = [reader.start() for reader in readers]
        if all(watched):
            await asyncio.get_running_loop().create_future()
        while True:
            await asyncio.sleep(_LOOK_S)
            for reader in readers:
                reader.look()
    finally:
        for reader in readers:
            reader.stop()


def _endpoint(socket: Any) -> str:
    return str(socket.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0"))
