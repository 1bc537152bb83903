"""The hardware of a batch: one driver each, one call at a time, on a thread where the driver is no coroutine.

A call that is cancelled gets its cancel time. One that is not over then is abandoned with its handle: the next call
makes a new instance of the driver on a new thread, and the process should be replaced (``needs_new_process``), because
nobody knows what the old thread will still do. Until it is, that hardware is given to cleanups alone.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import structlog

from engine.call_thread import CallThread
from engine.errors import EngineError
from engine.sequence.faults import Fault, FaultKind, InjectedError, drifted
from engine.sequence.found import natural
from engine.sequence.interfaces import Interface, check_arguments
from engine.sequence.model import CANCEL_S, Hardware
from engine.sequence.ports import DeviceFactory

log = structlog.get_logger(__name__)

_CLOSE_S: Final = 2.0
_CRASH_CODE: Final = 70


class HardwareError(EngineError):
    """A piece of hardware, a command of it or an argument does not exist, or it cannot be opened."""


class BlockedCallError(KeyboardInterrupt):
    """Raised inside a driver's coroutine that stands still, by whoever watches the loop: it ends that call alone."""


class _Handle:
    """One instance of a driver."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.instance: object = None
        self.lock = asyncio.Lock()
        self.on_its_way: asyncio.Future[Any] | None = None  # what the thread was last handed
        self._thread: CallThread | None = None

    async def on_thread(self, function: Callable[[], object]) -> Any:
        """Call a function there. A cancelled call goes on: a thread cannot be stopped."""
        if self._thread is None:
            self._thread = CallThread(f"driver:{self.name}", daemon=True)
        self.on_its_way = self._thread.call(function)
        return await asyncio.shield(self.on_its_way)

    def open(self, make: Callable[[], object]) -> None:
        """Make the instance, on whatever thread this is; it is kept also when nobody waits for it any more."""
        self.instance = make()

    def end(self) -> None:
        if self._thread is not None:
            self._thread.end()


class Bench:
    """The hardware that a batch drives, real or simulated; it may outlive many runs.

    ``config`` are the batch's own values by hardware and name. Faults strike only where the twins are driven.
    """

    def __init__(
        self,
        hardware: Mapping[str, Hardware],
        *,
        config: Mapping[str, Mapping[str, object]] | None = None,
        simulate: bool = False,
        faults: Sequence[Fault] = (),
        devices: DeviceFactory | None = None,
        seed: int | None = None,
    ) -> None:
        if faults and not simulate:
            raise HardwareError("faults are for simulated hardware only")
        for fault in faults:
            if fault.hardware not in hardware:
                raise HardwareError(f"a fault is meant for '{fault.hardware}', and there is no such hardware")
            twin = hardware[fault.hardware].simulated
            if fault.command != "*" and twin is not None and fault.command not in twin.commands:
                known = ", ".join(twin.commands)
                raise HardwareError(
                    f"a fault is meant for '{fault.hardware}.{fault.command}', and there is no such command; "
                    f"there is: {known}"
                )
        self.is_simulated = simulate
        self.needs_new_process = False
        self._hardware = hardware
        self._config = config or {}
        self._faults = faults
        self._devices = devices
        self._random = Random(seed)  # noqa: S311 - which call a fault strikes
        self._handles: dict[str, _Handle] = {}
        self._abandoned: set[str] = set()
        self._calls: Counter[str] = Counter()
        self._released = threading.Event()

    def interface(self, name: str) -> Interface:
        """What a piece of hardware offers here. Raises HardwareError when it does not exist, or has no twin."""
        hardware = self._hardware.get(name)
        if hardware is None:
            known = ", ".join(self._hardware) or "none"
            raise HardwareError(f"there is no hardware '{name}'; there is: {known}")
        if not self.is_simulated:
            return hardware.interface  # type: ignore[no-any-return]
        if hardware.simulated is None:
            raise HardwareError(f"'{name}' has no simulated twin")
        return hardware.simulated  # type: ignore[no-any-return]

    def check(self, name: str, command: str, arguments: Mapping[str, object]) -> dict[str, object]:
        """The arguments of a command, ready for the call. Raises HardwareError or ArgumentError."""
        signature = self.interface(name).commands.get(command)
        if signature is None:
            known = ", ".join(self.interface(name).commands)
            raise HardwareError(f"'{name}' has no command '{command}'; it has: {known}")
        return check_arguments(signature, arguments, f"{name}.{command}")

    async def call(
        self,
        name: str,
        command: str,
        arguments: Mapping[str, object],
        *,
        cancel_s: float = CANCEL_S,
        is_cleanup: bool = False,
    ) -> object:
        """Give a driver a command; its result, or what it raises.

        When cancelled, the call gets ``cancel_s`` to end; then it is abandoned, and its instance with it.
        """
        ready = self.check(name, command, arguments)
        if name in self._abandoned and not is_cleanup:
            raise HardwareError(f"a call to '{name}' is blocked and was left behind; only the cleanup may drive it now")
        self._calls[f"{name}.{command}"] += 1
        fault = self._fault(name, command)
        handle = self._handles.setdefault(name, _Handle(name))
        async with handle.lock:
            work = asyncio.ensure_future(self._work(handle, command, ready, fault))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if work.cancelled() and (task is None or not task.cancelling()):
                    raise HardwareError(f"the driver of '{name}' gave up by itself") from None
                await self._give_up(handle, work, cancel_s)
                raise

    async def close(self) -> None:
        """Close all drivers, each in a moment at most; what is blocked is left behind."""
        self._released.set()
        handles, self._handles = list(self._handles.values()), {}
        for handle in handles:
            closing = getattr(handle.instance, "close", None)
            if closing is not None:
                await self._close(handle, closing)
            handle.end()
        self._released = threading.Event()

    async def _close(self, handle: _Handle, closing: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                if inspect.iscoroutinefunction(closing):
                    await _outcome(closing())
                else:
                    await handle.on_thread(closing)
        except TimeoutError:
            self.needs_new_process = True
            log.warning("sequence.driver.close_blocked", hardware=handle.name)
        except Exception as error:  # noqa: BLE001 - a driver that fails to close is told, and no more can be done
            log.warning("sequence.driver.close_failed", hardware=handle.name, reason=f"{type(error).__name__}: {error}")

    # One call --------------------------------------------------------------------------------------------------------

    async def _work(self, handle: _Handle, command: str, arguments: dict[str, object], fault: Fault | None) -> object:
        if handle.instance is None:
            await self._open(handle)
        if fault is not None:
            await self._strike(handle, fault)
        method = getattr(handle.instance, command)
        result: object
        if self.interface(handle.name).commands[command].is_async:
            result = await _outcome(method(**arguments))
        else:
            result = await handle.on_thread(lambda: method(**arguments))
            if inspect.isawaitable(result):  # of a coroutine behind a plain function, as decorators make them
                result = await _outcome(result)
        result = natural(result)
        return drifted(result, fault.amount) if fault is not None and fault.kind is FaultKind.DRIFT else result

    async def _open(self, handle: _Handle) -> None:
        interface = self.interface(handle.name)
        config = self.config(handle.name)
        if interface.make is None:
            if self._devices is None:
                raise HardwareError(f"'{handle.name}' is a device ('{interface.name}'), and nobody here can open one")
            handle.instance = self._devices(interface.name, handle.name, config)
            return
        make, ready = interface.make, check_arguments(interface.constructor, config, handle.name)
        if interface.is_async:
            with _its_own_end():
                handle.open(lambda: make(**ready))
        else:
            await handle.on_thread(lambda: handle.open(lambda: make(**ready)))

    def config(self, name: str) -> dict[str, object]:
        """What a driver's constructor is given. Raises HardwareError for a value that nobody has given."""
        hardware = self._hardware[name]
        own = self._config.get(name, {})
        found: dict[str, object] = {}
        for field in hardware.config.values():
            if field.declaration is None:
                found[field.name] = field.value
            elif own.get(field.name, field.declaration.default) is not None:
                found[field.name] = own.get(field.name, field.declaration.default)
            elif not self.is_simulated and self._needs(hardware, field.name):
                raise HardwareError(
                    f"'{name}' needs '{field.name}': give it under hardware, or as {name}.{field.name}="
                )
        if not self.is_simulated:
            return found
        takes = hardware.simulated.constructor.arguments
        return {key: value for key, value in {**found, **hardware.simulated_config}.items() if key in takes}

    def _needs(self, hardware: Hardware, field: str) -> bool:
        argument = hardware.interface.constructor.arguments.get(field)
        return argument is None or bool(argument.is_required)

    async def _give_up(self, handle: _Handle, work: asyncio.Future[object], cancel_s: float) -> None:
        """Let a cancelled call end; abandon it when it does not."""
        work.cancel()
        ends = {work} if handle.on_its_way is None else {work, handle.on_its_way}
        _, pending = await _patiently(asyncio.wait(ends, timeout=cancel_s))
        for ended in ends - pending:
            if not ended.cancelled() and ended.exception() is not None:
                log.debug("sequence.driver.cancelled", hardware=handle.name, reason=str(ended.exception()))
        if not pending:
            return
        self.needs_new_process = True
        self._abandoned.add(handle.name)
        handle.end()
        if self._handles.get(handle.name) is handle:
            del self._handles[handle.name]
        log.error("sequence.driver.abandoned", hardware=handle.name, waited_s=cancel_s)

    # Faults ----------------------------------------------------------------------------------------------------------

    def _fault(self, name: str, command: str) -> Fault | None:
        count = self._calls[f"{name}.{command}"]
        return next((one for one in self._faults if one.strikes(name, command, count, self._random)), None)

    async def _strike(self, handle: _Handle, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.EXCEPTION:
                raise InjectedError(f"injected fault: {handle.name}.{fault.command} failed")
            case FaultKind.TIMEOUT:
                await asyncio.get_running_loop().create_future()  # never; but it can be cancelled
            case FaultKind.HANG:
                released = self._released
                await handle.on_thread(released.wait)
                raise InjectedError("injected fault: the call hung")
            case FaultKind.CRASH:
                os.write(2, b"injected fault: this process crashes, and cleans nothing up\n")
                os._exit(_CRASH_CODE)


async def _outcome(call: Awaitable[object]) -> object:
    """What a coroutine of a driver gives. One that would end the process ends its own call alone."""
    with _its_own_end():
        return await call


@contextmanager
def _its_own_end() -> Iterator[None]:
    try:
        yield
    except BlockedCallError as error:
        raise HardwareError(str(error)) from error
    except (SystemExit, KeyboardInterrupt) as error:
        raise HardwareError(f"{type(error).__name__}: {error}") from error


async def _patiently(waiting: Coroutine[Any, Any, Any]) -> Any:
    """Wait to the end of something short that has its own limit, also when cancelled meanwhile."""
    task = asyncio.ensure_future(waiting)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
