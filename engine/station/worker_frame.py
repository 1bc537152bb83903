"""What every process of a batch does, whatever it works on: say hello, answer its master, and end when that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import select
import signal
import threading
from collections.abc import Mapping
from typing import Any, Final

import structlog

from engine.errors import DiagnosticError, EngineError
from engine.station.leftovers import end_descendants
from engine.station.locks import Locks, batch_lock
from engine.station.orders import Orders
from engine.station.rpc import Handler, RemoteError, Rpc
from engine.station.wires import BatchWires

log = structlog.get_logger(__name__)

HERE: Final = b'{"kind":"here"}'  # shown until the master has heard it: only then is nothing lost that is shown
MASTER_GONE: Final = "the station's master is gone"
STUCK_CODE: Final = 75  # it did not end by itself
END_MARGIN_S: Final = 3.0
_HERE_S: Final = 0.005
_STUCK_BEATS: Final = 3  # heartbeats missed in a row after which the process ends whatever it does


class WorkerFrame:
    """One process of one batch, from its hello to its end. What it works on is in the methods that are overridden."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._locks = Locks(orders.locks, orders.batch_id)
        self._over = asyncio.Event()
        self._is_finished = threading.Event()
        self._is_prepared = False
        self._loop: asyncio.AbstractEventLoop
        self._wires: BatchWires
        self._rpc: Rpc

    # To be overridden ------------------------------------------------------------------------------------------------

    def handlers(self) -> Mapping[str, Handler]:
        """What its master may ask."""
        raise NotImplementedError

    def prepare(self) -> dict[str, Any]:
        """Get ready, and what its hello tells. Raises EngineError or OSError, which its master is told."""
        raise NotImplementedError

    def begin(self) -> None:
        """The master knows that it is there."""

    def stop(self, reason: str) -> None:
        """What runs has to come to its end."""

    async def wind_down(self) -> None:
        """Wait for that end, and close what is open."""

    def longest_end(self) -> float:
        """Seconds that :meth:`wind_down` takes at most; asked once it is prepared."""
        return 0.0

    def last_breath(self) -> None:
        """Keep what can be kept: the process is about to be ended in the middle of something. In any thread."""

    # Life ------------------------------------------------------------------------------------------------------------

    async def live(self) -> int:
        """Say hello, do what is asked, and end; the process's exit code."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch_master, name="master", daemon=True).start()
        self._stay_awake()
        handlers = {**self.handlers(), "ping": self._ping, "shutdown": self._shutdown}
        with BatchWires(self._orders.identity, self._orders.keys, self._receive) as wires:
            self._wires = wires
            self._rpc = Rpc("master", wires.send, handlers)
            async with self._rpc:
                pump = asyncio.create_task(wires.run())
                try:
                    return await self._live()
                finally:
                    pump.cancel()

    def _receive(self, data: bytes) -> None:
        self._rpc.receive(data)

    async def _live(self) -> int:
        showing = asyncio.create_task(self._show_here())
        try:
            if self._is_orphan():  # the next master's process must find the locks free
                return 1
            self._locks.take(batch_lock(self._orders.batch_id))
            facts = self.prepare()
            self._is_prepared = True
            self._locks.tell(batch_lock(self._orders.batch_id), self.longest_end() + 2 * END_MARGIN_S)
            await self._rpc.call("hello", {"facts": facts})
        except RemoteError:
            return 1
        except (EngineError, OSError) as error:
            log.error("station.worker.refused", reason=told(error))  # noqa: TRY400 - it is no bug
            with contextlib.suppress(RemoteError):
                await self._rpc.call("refused", {"reason": told(error)}, within=2.0)
            return 1
        finally:
            showing.cancel()
        with contextlib.suppress(NotImplementedError):  # Windows' loop has none
            self._loop.add_signal_handler(signal.SIGTERM, self.end, "its process was told to end (SIGTERM)")
            self._loop.add_signal_handler(signal.SIGINT, self.end, "its process was interrupted (SIGINT)")
        self.begin()
        await self._over.wait()
        await self.wind_down()
        return 0

    def finish(self) -> None:
        """Everything is said; what drivers have started ends here, and the locks are let go last."""
        self._is_finished.set()
        end_descendants()
        self._locks.release_all()

    async def _show_here(self) -> None:
        while True:
            self._wires.show(HERE)
            await asyncio.sleep(_HERE_S)

    async def _ping(self) -> None:
        """Answering is all."""

    async def _shutdown(self, reason: str) -> None:
        self.end(reason)

    # The end ---------------------------------------------------------------------------------------------------------

    def end(self, reason: str) -> None:
        """Begin to end. A second time it tells nothing new."""
        if not self._over.is_set():
            log.info("station.worker.ending", reason=reason)
        self._over.set()
        self.stop(reason)

    def _master_gone(self) -> None:
        self._rpc.give_up(MASTER_GONE)
        self.end(MASTER_GONE)

    @staticmethod
    def _is_orphan() -> bool:
        """Whether the master died while this process was importing: it sends nothing after the orders but the end."""
        return os.name == "posix" and bool(select.select([0], [], [], 0)[0])

    def _watch_master(self) -> None:
        """In a thread: a driver that blocks the loop must not keep the end of the master from being seen."""
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        if self._is_finished.is_set():
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._master_gone)
        longest = self.longest_end() if self._is_prepared else 0.0
        if not self._is_finished.wait(longest + END_MARGIN_S):
            self.last_breath()
            end_descendants()
            os._exit(STUCK_CODE)

    def _stay_awake(self) -> None:
        """End the process when its loop stands still: by a clock of C, for a driver may keep all of Python waiting."""
        faulthandler.dump_traceback_later(self._orders.heartbeat * _STUCK_BEATS, exit=True)
        self._loop.call_later(1.0, self._stay_awake)


async def live_through(worker: WorkerFrame) -> int:
    """All of it; the process's exit code."""
    try:
        return await worker.live()
    except Exception:
        log.exception("station.worker.failed")
        return STUCK_CODE
    finally:
        worker.finish()


def told(error: Exception) -> str:
    """An error for people, in their language."""
    if isinstance(error, DiagnosticError):
        from engine.documents.render import language_from_env, message  # with every text: only for what is wrong

        language = language_from_env()
        return "; ".join(f"{one.position}: {message(one, language)}" for one in error.diagnostics)
    return str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}".removesuffix(": ")
