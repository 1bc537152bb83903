"""The control socket: how a command of this machine asks the running service to do something with its database.

A service has its database for itself, so ``engine cards import`` and its like hand their work to it. The socket
``<database>.control`` stands beside the database (in the folder for temporary files when that path is too long for a
socket), and only its owner may open it. One JSON object a line, one answer a line::

    {"do": "cards.find", "with": {"uid": "0A006091E1"}}
    {"ok": true, "result": {...}}   or   {"ok": false, "error": "what, where, how to mend"}

Windows has no such sockets in asyncio: there the service must be stopped for these commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import structlog

from engine.errors import EngineError
from engine.store.urls import SqliteTarget, parse_url

log = structlog.get_logger(__name__)

Command = Callable[[Mapping[str, Any]], Awaitable[object]]  # what stood under "with" -> the result, as JSON has it

_LONGEST_PATH: Final = 100  # of a socket: 107 bytes on Linux, 103 on macOS
_SHORTEST_FOLDER: Final = Path("/tmp")  # noqa: S108 - in it, a folder that only this user can enter
_MOST_BYTES: Final = 64 << 20  # of one line: a hundred thousand cards and more
_ANSWER_WITHIN_S: Final = 60.0
_HAS_SOCKETS: Final = hasattr(asyncio, "start_unix_server")


class ControlError(EngineError):
    """The running service refused what it was asked, or broke off."""


class NotRunningError(ControlError):
    """No service listens there: the database may be opened directly."""


def control_path(store_url: str, base_dir: Path) -> Path:
    """Where the service of a store listens. Raises StoreError for a URL that is none."""
    target = parse_url(store_url, base_dir)
    beside = target.path if isinstance(target, SqliteTarget) else target.journal_parent / target.database
    path = beside.with_name(beside.name + ".control")
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    name = Path(f"scaleledger-{_user()}", f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}.control")
    far = Path(tempfile.gettempdir()) / name
    return far if len(os.fsencode(far)) <= _LONGEST_PATH else _SHORTEST_FOLDER / name


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


class ControlServer:
    """Listens while it is entered. A socket that cannot be made is logged and costs the service nothing else."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if _HAS_SOCKETS:
            try:
                listener = _listen(self._path)
                self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=_MOST_BYTES)
            except OSError as error:
                log.warning("control.socket.failed", path=str(self._path), reason=str(error))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()
            if _is_far(self._path):
                self._path.parent.rmdir()  # refused while another service of this user listens there

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A line longer than the limit is a ValueError, and no caller of ours.
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            log.warning("control.caller.dropped", reason=str(error))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> Mapping[str, object]:
        try:
            request = json.loads(line)
            command, arguments = self._commands[request["do"]], request.get("with", {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            known = ", ".join(sorted(self._commands))
            return {"ok": False, "error": f"no request that this service knows ({error!r}); it knows {known}"}
        try:
            result = await command(arguments)
        except EngineError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:  # the service goes on whatever a caller sent
            log.exception("control.command.failed", command=request["do"])
            return {"ok": False, "error": f"the service failed: {type(error).__name__}: {error}"}
        log.info("control.command.done", command=request["do"])
        return {"ok": True, "result": result}


def _is_far(path: Path) -> bool:
    """Whether the socket is in the folder for temporary files, in one that is this user's."""
    return path.parent.name == f"scaleledger-{_user()}"


def _listen(path: Path) -> socket.socket:
    """As :func:`_bind`, once more when a service that ended has just removed the folder that both had."""
    try:
        return _bind(path)
    except FileNotFoundError:
        return _bind(path)


def _bind(path: Path) -> socket.socket:
    """A listening socket that nobody else may open. Its old file is of a dead service: this one has the database."""
    if _is_far(path):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        found = path.parent.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != _user() or found.st_mode & 0o077:
            raise PermissionError(f"'{path.parent}' belongs to somebody else")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)  # before anybody can connect: it does not listen yet
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


async def ask(path: Path, do: str, arguments: Mapping[str, object] | None = None) -> Any:
    """Let the service at ``path`` do something; its result. Raises NotRunningError, ControlError."""
    if not _HAS_SOCKETS:
        raise NotRunningError("this system has no control sockets")
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=_MOST_BYTES)
    except OSError as error:
        raise NotRunningError(f"{path}: no service listens: {error.strerror}") from error
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            writer.write(json.dumps({"do": do, "with": arguments or {}}, ensure_ascii=False).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
    except TimeoutError:
        raise ControlError(f"{path}: the service did not answer within {_ANSWER_WITHIN_S:g} s") from None
    except (OSError, ValueError) as error:
        raise ControlError(f"{path}: the service broke off: {error}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return _result(path, line)


def _result(path: Path, line: bytes) -> Any:
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        reason = str(answer["error"])
    except (ValueError, KeyError, TypeError) as error:
        raise ControlError(f"{path}: the service broke off in the middle of its answer") from error
    raise ControlError(reason)
