"""One process of a batch as its master sees it: started, spoken to, watched, and ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from engine.errors import EngineError
from engine.station.leftovers import MARK, end_left
from engine.station.orders import Orders
from engine.station.rpc import Handler, NoAnswerError, RemoteError, Rpc
from engine.station.wardship import Wardship

log = structlog.get_logger(__name__)

_POLL_S: Final = 0.1  # where a process cannot be waited for as a file
_QUIET_S: Final = 0.9  # less than from one look to the next
_KILL_S: Final = 5.0
_LAST_MARGIN_S: Final = 6.0  # beyond its longest end; a process ends itself 3 s after that whatever it does
_LAST_WORDS: Final = 600  # characters
_LARGEST_LOG: Final = 2_000_000  # bytes
_NUMBERS: Final = itertools.count(1)


class StartError(EngineError):
    """A batch's process did not come up, and says why."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process that waits for its orders. ``mark`` is in its environment, and in that of all that it starts."""

    popen: subprocess.Popen[bytes]
    mark: str


class WorkerProcess:
    """A process from its start to its death. Make it with :meth:`start`, in the main thread's loop.

    ``facts`` is what it said of itself in its hello: name, version, title, total, longest_end, hash.
    """

    def __init__(self, orders: Orders, spawned: Spawned, wards: Wardship, log_file: Path, began_at: int) -> None:
        self.identity = orders.identity
        self.batch_id = orders.batch_id
        self.pid = spawned.popen.pid
        self.facts: Mapping[str, Any] = {}
        self.dead = asyncio.Event()
        self.why_killed = ""  # set by whoever kills it
        self.rpc: Rpc
        self._orders = orders
        self._popen, self._mark = spawned.popen, spawned.mark
        self._wards = wards
        self._log_file, self._began_at = log_file, began_at
        self._hello: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = asyncio.Event()
        self._heard_at = -math.inf  # by the loop's clock
        self._pidfd: int | None = None
        self._polling: asyncio.TimerHandle | None = None

    @classmethod
    def start(cls, orders: Orders, spare: Spawned | None, wards: Wardship) -> WorkerProcess:
        """Give a process its orders: a spare one, or a new one; the warden knows of it first. Raises StartError."""
        log_file = Path(orders.log)
        began_at = _prepared_log(log_file)
        spawned = spare if spare is not None and spare.popen.poll() is None else spawn()
        process = cls(orders, spawned, wards, log_file, began_at)
        wards.watch(process.pid, spawned.mark)
        process._watch()
        stdin = spawned.popen.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # it died at once: its death is seen
            stdin.write(orders.to_line())
            stdin.flush()
        return process

    # Speaking --------------------------------------------------------------------------------------------------------

    def connect(self, send: Callable[[bytes], None], handlers: Mapping[str, Handler]) -> Rpc:
        """The calls to and from it. Enter the Rpc to use it."""
        own: dict[str, Handler] = {"hello": self._on_hello, "refused": self._on_refused}
        self.rpc = Rpc(f"batch '{self.batch_id}'", send, {**handlers, **own})
        return self.rpc

    def heard(self) -> None:
        """Something has come from it: what its loop does, nobody has to ask for."""
        self._heard_at = asyncio.get_running_loop().time()

    def heard_show(self) -> None:
        """Something that it shows has come through."""
        self.heard()
        self._heard.set()

    async def _on_hello(self, facts: Mapping[str, Any]) -> None:
        await self._heard.wait()  # from now on nothing is lost that it shows
        self.facts = facts
        self._wards.allow(self.pid, float(facts.get("longest_end", 0.0)) + _LAST_MARGIN_S)
        if not self._hello.done():
            self._hello.set_result(None)

    async def _on_refused(self, reason: str) -> None:
        if not self._hello.done():
            self._hello.set_exception(StartError(reason))

    async def wait_ready(self) -> None:
        """Until its hello. Raises StartError when it refuses or dies first."""
        death: asyncio.Future[Any] = asyncio.create_task(self.dead.wait())
        hello: asyncio.Future[Any] = self._hello
        try:
            await asyncio.wait({death, hello}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            death.cancel()
        if not self._hello.done():
            raise StartError(f"its process ended before it was ready: {self.how_it_died()}")
        self._hello.result()

    # Life and death --------------------------------------------------------------------------------------------------

    @property
    def is_alive(self) -> bool:
        """Whether it is not known to be dead."""
        return not self.dead.is_set()

    def how_it_died(self) -> str:
        """For people: who killed it, or its exit code and last words."""
        code = self._popen.poll()
        if code is not None and code < 0:
            told = f"it was killed by {signal.Signals(-code).name}"
        else:
            told = f"it ended with exit code {code}"
        words = self._last_words()
        return (self.why_killed or told) + (f"; its last words: {words}" if words and not self.why_killed else "")

    async def watch(self, heartbeat: float, check: Callable[[int], str | None]) -> str:
        """Until it is dead; how it died. It is killed when it does not answer in time, or ``check(pid)`` objects."""
        while self.is_alive:
            reason: str | None = None
            try:
                if asyncio.get_running_loop().time() - self._heard_at > _QUIET_S:
                    await self.rpc.call("ping", within=heartbeat)
                reason = check(self.pid)
            except NoAnswerError:
                reason = f"it did not answer for {heartbeat:g} s"
            except RemoteError as error:
                reason = str(error)
            if reason is not None and self.is_alive:
                log.error("station.worker.killed", batch=self.batch_id, pid=self.pid, reason=reason)
                await self.kill(reason)
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.dead.wait()
        return self.how_it_died()

    async def end(self, reason: str, within: float) -> None:
        """Have it end through the cleanup of what runs; killed when that takes too long, or it does not even answer."""
        if self.is_alive:
            patience = min(within, self._orders.heartbeat)
            try:
                await self.rpc.call("shutdown", {"reason": reason}, within=patience)
            except NoAnswerError:  # its loop stands still: it will not come to its cleanup
                await self.kill(f"it did not answer for {patience:g} s")
            except RemoteError as error:
                log.warning("station.shutdown.refused", batch=self.batch_id, pid=self.pid, reason=str(error))
            try:
                async with asyncio.timeout(within):
                    await self.dead.wait()
            except TimeoutError:
                await self.kill(f"it did not end within {within:g} s")
        self._put_away()

    async def kill(self, reason: str) -> None:
        """End it and its children at once."""
        self.why_killed = self.why_killed or reason
        if self.is_alive:
            end_left(self.pid, self._mark)
            with contextlib.suppress(ProcessLookupError):
                self._popen.kill()
            async with asyncio.timeout(_KILL_S):
                await self.dead.wait()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux
            self._poll(loop)
            return
        loop.add_reader(self._pidfd, self._died)

    def _poll(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._popen.poll() is None:
            self._polling = loop.call_later(_POLL_S, self._poll, loop)
        else:
            self._died()

    def _died(self) -> None:
        if self._popen.poll() is None:
            return
        self._put_away()
        end_left(self.pid, self._mark)  # nothing that its drivers have started outlives it
        self._wards.forget(self.pid)
        if not self.dead.is_set():
            self.dead.set()
            if hasattr(self, "rpc"):
                self.rpc.give_up(f"the process of batch '{self.batch_id}' is gone")
            log.info("station.worker.ended", batch=self.batch_id, pid=self.pid, code=self._popen.returncode)

    def _put_away(self) -> None:
        if self._pidfd is not None and self._popen.poll() is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if self._popen.poll() is not None and self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def _last_words(self) -> str:
        try:
            with self._log_file.open("rb") as file:
                # Of a driver that tells much only the end, and never more than that: the station waits for it.
                file.seek(max(self._began_at, file.seek(0, os.SEEK_END) - 4 * _LAST_WORDS))
                lines = file.read(4 * _LAST_WORDS).decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip() and not line.startswith("{")]
        return said[-1][:_LAST_WORDS] if said else ""


def next_identity(batch_id: str) -> str:
    """A name on the wire that no process had before."""
    return f"{batch_id}#{next(_NUMBERS)}"


async def run_until_dead(process: WorkerProcess, work: Awaitable[Any]) -> Any:
    """Do something that its death ends. Raises NoAnswerError then."""
    task, death = asyncio.ensure_future(work), asyncio.create_task(process.dead.wait())
    try:
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise NoAnswerError(f"the process is gone: {process.how_it_died()}")
        return task.result()
    finally:
        death.cancel()
        task.cancel()


def spawn(*arguments: str) -> Spawned:
    """A new process that waits for its orders. Raises StartError."""
    command = [sys.executable, "-m", "engine.station.worker", *arguments]
    mark = uuid.uuid4().hex
    try:
        popen = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, MARK: mark},
        )  # fmt: skip
    except OSError as error:
        raise StartError(f"no process could be started: {error.strerror or error}") from error
    return Spawned(popen, mark)


def _prepared_log(file: Path) -> int:
    """Make room in the file for what a batch's process writes, keeping the older half beside it; its length."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        length = file.stat().st_size
        if length <= _LARGEST_LOG:
            return length
        file.replace(file.with_suffix(".log.1"))
    return 0
