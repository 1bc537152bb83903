"""Calls and answers over a channel that may lose messages: a call is repeated until it is answered, and done once.

Both ends are alike: each calls the other and answers the other. An answer is remembered for a while, so that a call
that comes again because its answer was lost is answered from memory. Messages are JSON objects: ``{"call": id, "name":
..., "args": {...}}``, ``{"answer": id, "result": ...}``, ``{"answer": id, "error": code, "reason": ...}``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import structlog

from engine.errors import EngineError

log = structlog.get_logger(__name__)

Handler = Callable[..., Awaitable[object]]  # called with the call's arguments; what it returns is plain JSON

REPEAT_S: Final = 0.25  # a call whose answer is not there by then is sent again
_REMEMBERED: Final = 256  # answers


class RemoteError(EngineError):
    """The other end could not do what was asked. ``code`` is its kind, for programs."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class NoAnswerError(RemoteError):
    """The other end did not answer in time, or is gone. Whether it did what was asked is not known."""

    def __init__(self, reason: str) -> None:
        super().__init__("no_answer", reason)


class RefusedError(EngineError):
    """What a handler raises to say no, with a code for programs."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Rpc:
    """One end. ``send`` puts a message on the channel and never blocks; its reader calls :meth:`receive`.

    Use it as a context manager: the calls that it is answering live and end with it. ``name`` tells it in logs.
    """

    def __init__(self, name: str, send: Callable[[bytes], None], handlers: Mapping[str, Handler]) -> None:
        self.name = name
        self._send = send
        self._handlers = handlers
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._answers: OrderedDict[int, bytes] = OrderedDict()
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()
        self._lost: str | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up("this end is closed")
        for task in self._answering.values():
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    async def call(self, name: str, args: Mapping[str, object] | None = None, *, within: float | None = None) -> Any:
        """Ask the other end, which has ``within`` seconds; None: as long as it is there.

        Raises RemoteError when it refuses or fails, NoAnswerError when no answer comes in time.
        """
        if self._lost is not None:
            raise NoAnswerError(self._lost)
        number = next(self._numbers)
        message = _encode({"call": number, "name": name, "args": dict(args or {})})
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        repeating = _Repeating(self._send, message)
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            raise NoAnswerError(f"{self.name} did not answer '{name}' within {within:g} s") from None
        finally:
            repeating.end()
            del self._waiting[number]
            answer.cancel()

    def give_up(self, reason: str) -> None:
        """The other end is gone: every call that waits, and every later one, fails with this reason."""
        self._lost = reason
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(NoAnswerError(reason))

    def receive(self, data: bytes) -> None:
        """Take a message of the other end. What is none is told and dropped."""
        try:
            message = json.loads(data)
            if "call" in message:
                self._called(int(message["call"]), str(message["name"]), dict(message["args"]))
            else:
                self._answered(int(message["answer"]), message)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("station.message.refused", peer=self.name, size=len(data), reason=repr(error))

    def _answered(self, number: int, message: Mapping[str, Any]) -> None:
        answer = self._waiting.get(number)
        if answer is None or answer.done():
            return  # a second answer to a call that was repeated
        if "error" in message:
            answer.set_exception(RemoteError(str(message["error"]), str(message["reason"])))
        else:
            answer.set_result(message.get("result"))

    def _called(self, number: int, name: str, args: dict[str, Any]) -> None:
        if number in self._answering:
            return
        known = self._answers.get(number)
        if known is not None:
            self._send(known)
            return
        self._answering[number] = self._tasks.create_task(self._answer(number, name, args))

    async def _answer(self, number: int, name: str, args: dict[str, Any]) -> None:
        try:
            message = await self._do(name, args)
        finally:
            del self._answering[number]
        data = _encode({"answer": number, **message})
        self._answers[number] = data
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        self._send(data)

    async def _do(self, name: str, args: dict[str, Any]) -> dict[str, object]:
        handler = self._handlers.get(name)
        if handler is None:
            return {"error": "unknown_call", "reason": f"{self.name} was asked for '{name}', which it does not know"}
        try:
            return {"result": await handler(**args)}
        except RefusedError as error:
            return {"error": error.code, "reason": str(error)}
        except EngineError as error:
            return {"error": "failed", "reason": str(error)}
        except Exception as error:
            log.exception("station.call.failed", peer=self.name, call=name)
            return {"error": "bug", "reason": f"{type(error).__name__}: {error}"}


class _Repeating:
    """Sends a message now, and again and again until it is ended."""

    def __init__(self, send: Callable[[bytes], None], message: bytes) -> None:
        self._send, self._message = send, message
        self._loop = asyncio.get_running_loop()
        self._again()

    def end(self) -> None:
        """Enough."""
        self._timer.cancel()

    def _again(self) -> None:
        self._timer = self._loop.call_later(REPEAT_S, self._again)
        self._send(self._message)


def _encode(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
