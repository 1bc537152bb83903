"""The contract and the lock on a real PostgreSQL server, started for these tests alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cards_contract import CardsContract
from keyed_contract import KeyedContract
from store_contract import StoreContract
from store_kit import IDENTITY, QUIET, child, make_record, run, store_threads

from engine.clock import VirtualClock
from engine.ports import SaveResult, Store, StoreError, StoreLockedError
from engine.store import LedgerStore, open_store, read_journal

psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
if shutil.which("initdb") is None or shutil.which("postgres") is None or os.name == "nt":
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)

_NOBODY = 65_534  # PostgreSQL refuses to run as root


class Server:
    """A PostgreSQL server on loopback with its data in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
        if self._user:
            os.chown(folder, _NOBODY, _NOBODY)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        initdb = ["initdb", "-D", folder / "data", "-A", "trust", "-U", "ledger", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **self._user)  # type: ignore[call-overload]
        self.start()

    def start(self) -> None:
        options = [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self._folder}",
            "-c",
            "fsync=off",
        ]
        command = ["postgres", "-D", self._folder / "data", "-p", str(self.port), *options]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=self._folder, **self._user)  # type: ignore[call-overload]
        for line in self._process.stderr:
            if "ready to accept connections" in line:
                break

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # a fast shutdown: it ends the connections
        self._process.communicate(timeout=20)

    def url(self, database: str) -> str:
        return f"postgresql://ledger:secret@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "ledger") -> None:
        with contextlib.closing(psycopg2.connect(self.url(database))) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # pytest's own is root's alone
    try:
        started = Server(folder)
        started.execute("CREATE DATABASE ledger", "postgres")
        yield started
        started.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def url(server: Server) -> str:
    server.execute("DROP SCHEMA public CASCADE")
    server.execute("CREATE SCHEMA public")
    return server.url("ledger")


async def open_postgres(url: str, folder: Path, clock: VirtualClock | None = None) -> LedgerStore:
    return await open_store(url, base_dir=folder, clock=clock or VirtualClock())


class TestPostgresStore(StoreContract, KeyedContract, CardsContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path, url: str) -> None:
        self.clock = VirtualClock()
        self.folder = tmp_path
        self.url = url

    @contextlib.asynccontextmanager
    async def empty(self) -> AsyncIterator[Store]:
        async with await open_postgres(self.url, self.folder, self.clock) as store:
            yield store


def test_a_restart_finds_its_records_and_the_journal_stands_in_the_base_folder(tmp_path: Path, url: str) -> None:
    async def scenario() -> None:
        async with await open_postgres(url, tmp_path) as store:
            await store.save_identity(IDENTITY)
            for number in (1, 2):
                await store.save_record(make_record(number))
        async with await open_postgres(url, tmp_path) as store:
            await store.save_record(make_record(3))
            found = await store.pending_records(9)
            assert [(r.sequence, r.may_have_arrived) for r in found] == [(1, True), (2, True), (3, False)]

    run(scenario())
    assert [r.sequence for r in read_journal(tmp_path / "ledger.journal")] == [1, 2, 3]
    assert store_threads() == []


HOLD_POSTGRES = f"""{QUIET}
from engine.clock import SystemClock
from engine.store import open_store

async def main():
    async with await open_store(sys.argv[1], base_dir=Path(sys.argv[2]), clock=SystemClock()) as store:
        await store.counts()  # the lock outlives the end of a session
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_second_service_is_refused_until_the_first_is_killed(tmp_path: Path, url: str) -> None:
    async def first_chance() -> None:
        while True:  # the server notices the broken connection in its own time
            try:
                await (await open_postgres(url, tmp_path)).close()
            except StoreLockedError:
                continue
            return

    with child(HOLD_POSTGRES, url, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLockedError) as caught:
            run(open_postgres(url, tmp_path))
        assert f"process {holder.pid}" in str(caught.value)
        assert "/ledger" in str(caught.value)
        assert "secret" not in str(caught.value)
        holder.kill()
        holder.wait()
        run(first_chance())


def test_a_server_that_restarts_is_an_error_for_a_while_and_then_goes_on(
    tmp_path: Path, url: str, server: Server
) -> None:
    async def scenario() -> None:
        async with await open_postgres(url, tmp_path) as store:
            await store.save_record(make_record(1))
            server.stop()
            for _ in range(2):
                with pytest.raises(StoreError) as caught:
                    await store.save_record(make_record(2))
                assert "secret" not in str(caught.value)
            server.start()
            assert await store.save_record(make_record(2)) is SaveResult.SAVED
            with pytest.raises(StoreLockedError):  # the lock came back with the connection
                await open_postgres(url, tmp_path)
            assert (await store.counts()).total == 2

    run(scenario())


def test_a_newer_database_is_refused(tmp_path: Path, url: str) -> None:
    async def scenario() -> None:
        await (await open_postgres(url, tmp_path)).close()
        with contextlib.closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute("UPDATE schema_version SET version = 99")
        with pytest.raises(StoreError, match="newer version"):
            await open_postgres(url, tmp_path)

    run(scenario())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda url: url.replace("/ledger", "/nowhere"), "does not exist"),
        (lambda url: "postgresql://ledger:secret@127.0.0.1:1/ledger", "the server cannot be used"),
    ],
    ids=["no database", "no server"],
)
def test_a_server_that_cannot_be_used_is_told_without_the_password(
    tmp_path: Path, url: str, change: object, complaint: str
) -> None:
    assert callable(change)
    with pytest.raises(StoreError, match=complaint) as caught:
        run(open_postgres(change(url), tmp_path))
    assert "secret" not in str(caught.value)
    assert store_threads() == []
