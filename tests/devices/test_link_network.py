"""A serial link over the network: ``socket://``, ``rfc2217://`` and ``loop://``, against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import threading
import time
from types import SimpleNamespace

import pytest
import serial.rfc2217
from device_support import Heard, linked, run
from serial.urlhandler import protocol_socket
from structlog.testing import capture_logs

from engine.devices import announce
from engine.devices import link as link_module
from engine.devices.dial import Waker, dial

FRAME = b"ST,GS,1\xe4,000013.5 kg\r\n"


@pytest.fixture
def quick_retry(monkeypatch):
    monkeypatch.setattr(link_module, "RETRY_S", 0.01)


@pytest.fixture(autouse=True)
def quick_close(monkeypatch):
    """pyserial sleeps 0.3 s after it has closed a socket, and 0.05 s between two looks at a negotiation."""
    quick = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10))
    monkeypatch.setattr(protocol_socket, "time", quick)
    monkeypatch.setattr(serial.rfc2217, "time", quick)


class Server:
    """A terminal server: one listening socket, and the connections it has accepted."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self.port}"

    async def accept(self) -> socket.socket:
        connection, _ = await asyncio.to_thread(self._listener.accept)
        return connection

    def close(self) -> None:
        self._listener.close()


def reset(connection: socket.socket) -> None:
    """Close so that the peer sees a reset, as when a terminal server loses power and comes back."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_bytes_go_both_ways_over_a_socket():
    async def scenario():
        server, heard = Server(), Heard()
        async with linked(server.url, heard) as link:
            connection = await server.accept()
            await heard.until_up()
            connection.sendall(FRAME)
            await heard.until(lambda: heard.data == FRAME)
            assert link.write(b"W\r")
            assert await asyncio.to_thread(connection.recv, 2) == b"W\r"
        connection.close()
        server.close()

    run(scenario)


@pytest.mark.parametrize("end", [socket.socket.close, reset])
def test_a_server_that_goes_away_is_noticed_at_once_and_dialled_again(end, quick_retry):
    async def scenario():
        server, heard = Server(), Heard()
        async with linked(server.url, heard):
            connection = await server.accept()
            await heard.until_up()
            connection.sendall(FRAME)
            await heard.until(lambda: heard.data)
            server.close()
            end(connection)
            await heard.until(lambda: len(heard.links) == 2)
            again = Server(server.port)
            connection = await again.accept()
            await heard.until_up(2)
            connection.sendall(FRAME)
            await heard.until(lambda: heard.data == FRAME * 2)
        connection.close()
        again.close()

    with capture_logs() as logs:
        run(scenario)
    told = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert told == ["serial.link.opened", "serial.link.lost", "serial.link.opened"]


def test_a_server_that_accepts_and_hangs_up_over_and_over_is_one_outage(quick_retry):
    """A terminal server whose serial side is taken: the log must not grow by two lines every half second."""

    async def scenario():
        server, heard = Server(), Heard()
        async with linked(server.url, heard) as link:
            while link.counters.opens < 4:
                (await server.accept()).close()
            assert [up for up, _ in heard.links] == [True, False]
            connection = await server.accept()
            while not heard.data:  # what comes while pyserial opens a port is thrown away
                connection.sendall(FRAME)
                await asyncio.sleep(0.005)
            assert [up for up, _ in heard.links] == [True, False, True]
        connection.close()
        server.close()

    with capture_logs() as logs:
        run(scenario)
    told = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert told == ["serial.link.opened", "serial.link.lost", "serial.link.opened"]


def test_a_silent_server_counts_as_back_once_the_connection_has_lasted(quick_retry, monkeypatch):
    monkeypatch.setattr(link_module, "_LOOK_AROUND_S", 0.02)
    monkeypatch.setattr(announce, "SETTLED_S", 0.1)

    async def scenario():
        server, heard = Server(), Heard()
        async with linked(server.url, heard):
            (await server.accept()).close()
            await heard.until(lambda: len(heard.links) == 2)
            connection = await server.accept()
            await heard.until_up(2)
        connection.close()
        server.close()

    run(scenario)


def test_a_refused_connection_says_so_once_and_in_words(quick_retry):
    async def scenario():
        server, heard = Server(), Heard()
        server.close()
        async with linked(server.url, heard):
            await heard.until(lambda: heard.links)
            await asyncio.sleep(0.05)
        assert heard.links == [(False, f"'{server.url}' cannot be reached: [Errno {errno.ECONNREFUSED}] ECONNREFUSED")]

    run(scenario)


@contextlib.contextmanager
def deaf_host():
    """A host that drops what it is sent: a listening socket whose queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            knock = stack.enter_context(socket.socket())
            knock.setblocking(False)
            knock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_stop_does_not_wait_for_a_host_that_does_not_answer(scheme):
    async def scenario():
        heard = Heard()
        with deaf_host() as port:
            async with linked(f"{scheme}://127.0.0.1:{port}", heard) as link:
                await asyncio.sleep(0.05)
                began = time.monotonic()
                link.stop()
                await link.wait_closed()
                assert time.monotonic() - began < 0.5
        assert heard.links == []

    run(scenario)


def test_a_host_that_does_not_answer_is_given_up_in_time_to_dial_again():
    waker = Waker()
    waker.open()
    with deaf_host() as port, pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        dial("127.0.0.1", port, waker, timeout_s=0.05)
    waker.close()


def test_a_stop_does_not_wait_for_a_name_server_that_does_not_answer(monkeypatch):
    answer, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if host != "scale-1.hall":
            return real(host, *args, **kwargs)
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        answer.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def scenario():
        async with linked("socket://scale-1.hall:4001", Heard()) as link:
            await asyncio.sleep(0.05)
            began = time.monotonic()
            link.stop()
            await link.wait_closed()
            assert time.monotonic() - began < 0.5
        answer.set()

    run(scenario)
    for thread in threading.enumerate():
        if thread.name.startswith("lookup-"):
            assert thread.daemon
            thread.join(1)


def test_a_server_that_floods_from_the_first_moment_holds_up_no_stop():
    async def scenario():
        server, ended = Server(), threading.Event()

        def pour():
            connection, _ = server._listener.accept()
            connection.settimeout(0.1)  # who has hung up may leave a full window behind: nothing ends that send
            with connection, contextlib.suppress(ConnectionError):
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        connection.send(b"\xff" * 65536)

        pouring = threading.Thread(target=pour)
        pouring.start()
        async with linked(server.url, Heard()) as link:
            await asyncio.sleep(0.1)
            began = time.monotonic()
            link.stop()
            await link.wait_closed()
            assert link.join(0)
            assert time.monotonic() - began < 0.5
        ended.set()
        await asyncio.to_thread(pouring.join)
        server.close()

    run(scenario)


def test_a_host_may_have_a_name():
    async def scenario():
        server, heard = Server(), Heard()
        async with linked(f"socket://localhost:{server.port}", heard):
            connection = await server.accept()
            await heard.until_up()
        connection.close()
        server.close()

    run(scenario)


def test_a_name_that_nobody_knows_is_a_reason_in_words():
    async def scenario():
        heard = Heard()
        async with linked(f"socket://{'a' * 70}.invalid:1", heard):
            await heard.until(lambda: heard.links)
        assert "cannot be reached" in heard.links[0][1]

    run(scenario)


def test_connections_are_kept_alive_so_that_a_half_open_one_is_found():
    server, waker = Server(), Waker()
    waker.open()
    with dial("127.0.0.1", server.port, waker) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, every, times = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + every * times <= 30
    server.close()
    waker.close()


@pytest.mark.parametrize("port", ["telnet://127.0.0.1:1", "socket://127.0.0.1", "socket://127.0.0.1:99999"])
def test_a_url_that_makes_no_port_is_a_reason_not_a_crash(port):
    async def scenario():
        heard = Heard()
        async with linked(port, heard):
            await heard.until(lambda: heard.links)
        assert heard.links[0][0] is False
        assert port in heard.links[0][1]

    run(scenario)


def test_a_loop_gives_back_what_is_written():
    async def scenario():
        heard = Heard()
        async with linked("loop://", heard) as link:
            await heard.until_up()
            assert link.write(FRAME)
            await heard.until(lambda: heard.data == FRAME)

    run(scenario)


class Rfc2217Server:
    """pyserial's own server side of RFC 2217, in front of a loop."""

    def __init__(self) -> None:
        self._server = Server()
        self.url = self._server.url.replace("socket", "rfc2217")
        self.device = serial.serial_for_url("loop://", timeout=0)
        self._ended = False
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """What PortManager answers with."""
        with contextlib.suppress(OSError):
            self._connection.sendall(data)

    def _serve(self) -> None:
        self._connection, _ = self._server._listener.accept()
        manager = serial.rfc2217.PortManager(self.device, self)
        self._connection.settimeout(0.01)
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                data = self._connection.recv(1024)
                if not data:
                    break
                self.device.write(b"".join(manager.filter(data)))
            waiting = self.device.read(self.device.in_waiting)
            if waiting:
                self.write(b"".join(manager.escape(waiting)))
        self._connection.close()

    def close(self) -> None:
        self._ended = True
        self._thread.join(2)
        self._server.close()
        self.device.close()


@pytest.mark.filterwarnings(r"ignore:set\w+\(\) is deprecated:DeprecationWarning")  # pyserial's own
def test_a_remote_port_behind_rfc_2217_carries_bytes_both_ways_and_its_end_is_noticed():
    async def scenario():
        server, heard = Rfc2217Server(), Heard()
        async with linked(server.url, heard, baudrate=19200) as link:
            await heard.until_up()
            assert server.device.baudrate == 19200
            assert link.write(FRAME)
            await heard.until(lambda: heard.data == FRAME)
            server.close()
            await heard.until(lambda: len(heard.links) == 2)

    run(scenario)


@pytest.mark.filterwarnings(r"ignore:set\w+\(\) is deprecated:DeprecationWarning")  # pyserial's own
def test_a_stop_does_not_wait_for_a_peer_that_never_heard_of_rfc_2217():
    async def scenario():
        server = Server()
        async with linked(server.url.replace("socket", "rfc2217"), Heard()) as link:
            connection = await server.accept()
            assert await asyncio.to_thread(connection.recv, 3)  # it has begun to negotiate
            began = time.monotonic()
            link.stop()
            await link.wait_closed()
            assert link.join(0)
            assert time.monotonic() - began < 0.45
        connection.close()
        server.close()

    run(scenario)
