"""ZeroMQ between a master and its batches: who has the keys is heard, a stranger is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from engine.station.wires import BatchWires, Keys, MasterWires


@asynccontextmanager
async def running(*pumps: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(pump()) for pump in pumps]
        yield
        for task in begun:
            task.cancel()


def test_messages_go_both_ways_and_shown_ones_carry_the_batch_s_name() -> None:
    async def scenario() -> None:
        calls: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        shown: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        with (
            MasterWires(lambda *got: calls.put_nowait(got), lambda *got: shown.put_nowait(got)) as master,
            BatchWires("b1", master.keys(), answers.put_nowait) as batch,
        ):
            async with running(master.run, batch.run), asyncio.timeout(10):
                batch.send("계량".encode())
                assert await calls.get() == ("b1", "계량".encode())
                master.send("b1", b"well")
                assert await answers.get() == b"well"
                while shown.empty():  # nothing is shown to a screen that is not there yet
                    batch.show(b"look")
                    await asyncio.sleep(0.01)
                assert await shown.get() == ("b1", b"look")
                master.send("nobody", b"dropped")

    asyncio.run(scenario())


def test_a_stranger_is_not_heard() -> None:
    async def scenario() -> None:
        calls: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        with MasterWires(lambda *got: calls.put_nowait(got), lambda *_: None) as master:
            keys = master.keys()
            other_public, other_secret = zmq.curve_keypair()
            guessed = replace(keys, master=other_public.decode(), secret=other_secret.decode())
            with BatchWires("stranger", guessed, lambda _: None) as stranger, _plain(keys) as bare:
                async with running(master.run, stranger.run):
                    stranger.send(b"let me in")
                    bare.send(b"me too", zmq.NOBLOCK)
                    with BatchWires("b1", keys, lambda _: None) as batch:
                        batch.send(b"hello")
                        async with asyncio.timeout(10):
                            assert await calls.get() == ("b1", b"hello")
                    await asyncio.sleep(0.2)
                    assert calls.empty()

    asyncio.run(scenario())


@pytest.mark.skipif(zmq.zmq_version_info() < (4, 2), reason="no sockets of files")
def test_the_sockets_are_in_a_folder_of_this_user_alone_with_short_names_and_are_gone_at_the_end() -> None:
    async def scenario() -> Path:
        with MasterWires(lambda *_: None, lambda *_: None) as master:
            path = Path(master.keys().calls.removeprefix("ipc://"))
            assert len(bytes(path)) <= 60
            assert path.parent.stat().st_mode & 0o777 == 0o700
            return path

    assert not asyncio.run(scenario()).parent.exists()


def test_sockets_have_short_names_also_where_the_temporary_folder_has_a_long_one(tmp_path, monkeypatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with MasterWires(lambda *_: None, lambda *_: None) as master:
        assert Path(master.keys().calls.removeprefix("ipc://")).is_socket()
    assert list(long.iterdir()) == []


def test_a_secret_key_is_not_shown() -> None:
    async def scenario() -> Keys:
        with MasterWires(lambda *_: None, lambda *_: None) as master:
            return master.keys()

    keys = asyncio.run(scenario())
    assert keys.secret not in repr(keys)


class _plain:  # noqa: N801 - a context manager
    """A socket without any keys."""

    def __init__(self, keys: Keys) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(keys.calls)

    def __enter__(self) -> zmq.Socket[bytes]:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._context.term()
