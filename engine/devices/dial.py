"""TCP connections for pyserial's network ports (``socket://``, ``rfc2217://``), given up when the service stops.

pyserial dials with ``socket.create_connection``, which nothing can interrupt: a terminal server that is switched off
would hold the service for seconds at every stop. What is changed, in its two network back ends and nowhere else, is
the name ``socket``: it leads to :class:`_Network`, which dials in a way that a :class:`Waker` ends.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
from collections.abc import Sequence
from typing import Any, Final

DIAL_TIMEOUT_S: Final = 2.0  # a host that comes back is dialled again within two seconds
_LOOKUP_POLL_S: Final = 0.1
_IN_PROGRESS: Final = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})
# A half-open connection is found after 10 + 3 * 5 seconds.
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPALIVE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))

AddressInfo = tuple[int, int, int, str, Any]  # as socket.getaddrinfo gives it


class Waker:
    """Ends the waits of one port's thread: for good (:meth:`stop`) or to make it look around (:meth:`wake`).

    Both may be called from any thread at any time, also before :meth:`open` and after :meth:`close`.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def open(self) -> None:
        """Get the two sockets. A pair of sockets and not a pipe: Windows can select on nothing else."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._ends = receiver, sender

    def fileno(self) -> int:
        """Readable when there is a reason to look around."""
        assert self._ends is not None
        return self._ends[0].fileno()

    def stop(self) -> None:
        """No wait of this thread lasts any longer."""
        self.stopping.set()
        self.wake()

    def wake(self) -> None:
        """Let the thread look around once. A full buffer means that it will anyway."""
        if self._ends is not None:
            with contextlib.suppress(OSError):
                self._ends[1].send(b"\0")

    def clear(self) -> None:
        """Forget the calls of :meth:`wake` so far; a stop stays one."""
        if self._ends is not None:
            with contextlib.suppress(OSError):
                self._ends[0].recv(4096)

    def close(self) -> None:
        """Give the two sockets back."""
        for end in self._ends or ():
            end.close()


class _Socket(socket.socket):
    """pyserial skips ``close`` when ``shutdown`` raises, as it does once the peer has reset: a leak at every replug."""

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):
            super().shutdown(how)


class _Network:
    """The module ``socket`` as pyserial's network back ends see it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def create_connection(self, address: tuple[str, int], timeout: float | None = None) -> socket.socket:
        waker = getattr(_dialling, "waker", None)
        if waker is None:  # a thread of somebody else's that uses pyserial in the same process
            return socket.create_connection(address, timeout)
        # Not pyserial's five seconds: too long to notice that a host is back.
        return dial(address[0], address[1], waker)


_dialling = threading.local()
_network: Final = _Network()


def prepare_backend(waker: Waker) -> None:
    """From now on this thread's network ports are dialled until ``waker`` stops."""
    import serial.rfc2217
    from serial.urlhandler import protocol_socket

    _dialling.waker = waker
    vars(protocol_socket)["socket"] = _network
    vars(serial.rfc2217)["socket"] = _network


def give_up_opening(port: object) -> None:
    """Make a network port that is just opening fail now; a device of this machine is left alone.

    An ``rfc2217://`` port would wait up to 3 s for each answer of its peer: to it, this is a peer that hangs up and
    refuses every option. A ``socket://`` port reads away what is there, and may never come to an end of it.
    """
    sock: socket.socket | None = getattr(port, "_socket", None)
    if sock is not None:
        sock.shutdown(socket.SHUT_RDWR)
    from serial import rfc2217

    if not isinstance(port, rfc2217.Serial):
        return
    for option in getattr(port, "_telnet_options", None) or ():
        option.state = rfc2217.INACTIVE
    for setting in (getattr(port, "_rfc2217_options", None) or {}).values():
        setting.state = rfc2217.REALLY_INACTIVE


def dial(host: str, port: int, waker: Waker, timeout_s: float = DIAL_TIMEOUT_S) -> socket.socket:
    """Connect, keep-alive on. Raises OSError when no address answers within ``timeout_s``, or at once when stopping."""
    last: OSError | None = None
    for family, kind, protocol, _, address in _look_up(host, port, waker):
        sock = _Socket(family, kind, protocol)
        try:
            _connect(sock, address, waker, timeout_s)
            _keep_alive(sock)
        except OSError as error:
            sock.close()
            last = error
        else:
            sock.settimeout(timeout_s)  # rfc2217 sends with this; socket:// makes its own arrangements
            return sock
    raise last or OSError(f"'{host}' has no address")


def _connect(sock: socket.socket, address: Any, waker: Waker, timeout_s: float) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code in _IN_PROGRESS:
        # Windows reports a refused connection among the exceptional ones.
        _, writable, failed = select.select([waker], [sock], [sock], timeout_s)
        if not writable and not failed:  # or the service is stopping, and nobody will read this
            raise TimeoutError(errno.ETIMEDOUT, f"no answer within {timeout_s:g} s")
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, errno.errorcode.get(code, "connection failed"))


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEP_ALIVE:  # each platform knows some of them
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _look_up(host: str, port: int, waker: Waker) -> Sequence[AddressInfo]:
    with contextlib.suppress(socket.gaierror):
        return _ask(host, port, socket.AI_NUMERICHOST)
    lookup = _Lookup(host, port)
    while not lookup.done.wait(_LOOKUP_POLL_S):
        if waker.stopping.is_set():
            raise InterruptedError(errno.EINTR, "the service is stopping")
    return lookup.result()


def _ask(host: str, port: int, flags: int = 0) -> Sequence[AddressInfo]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, f"'{host}' is no host name") from error


class _Lookup:
    """One name looked up on a thread of its own, because nothing else can end a wait for a name server.

    The thread is a daemon: when the service stops it is left behind, touches nothing, and holds up no exit.
    """

    def __init__(self, host: str, port: int) -> None:
        self.done = threading.Event()
        self._host = host
        self._port = port
        self._found: Sequence[AddressInfo] = ()
        self._error: OSError | None = None
        threading.Thread(target=self._run, name=f"lookup-{host}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._found = _ask(self._host, self._port)
        except OSError as error:
            self._error = error
        self.done.set()

    def result(self) -> Sequence[AddressInfo]:
        """The addresses. Raises OSError when there are none."""
        if self._error is not None:
            raise self._error
        return self._found
