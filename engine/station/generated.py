"""What dataclasses write and compile at every import, kept beside the bytecode instead.

A decorator of ``dataclasses`` writes a class's methods as text and compiles it. A batch's process imports about a
hundred such classes, which is a quarter of the processor time until it is ready (measured with Python 3.11). Bytecode
files keep what stands in a module only, so this keeps the rest: text -> code, which can never be out of date.
"""

from __future__ import annotations

import contextlib
import dataclasses
import marshal
import os
import sys
import zlib
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any, Final

_EXEC: Final = "exec"
_SUM: Final = 4  # bytes
_MOST: Final = 2_000  # texts; more than four times what any process of ours has: what is left of older versions goes


class Generated:
    """Used in a ``with``: what dataclasses generates in it comes from a file beside the bytecode of ``source``.

    It is read once, and written at the end of a ``with`` in which something new was compiled.
    """

    def __init__(self, source: str) -> None:
        self._file = Path(cache_from_source(source)).with_suffix(".generated")
        self._code: dict[str, CodeType] = _read(self._file)
        self._is_new = False

    def __enter__(self) -> None:
        vars(dataclasses)[_EXEC] = (
            self._execute
        )  # found before the builtin; where it is not looked for, nothing changes

    def __exit__(self, *_raised: object) -> None:
        del vars(dataclasses)[_EXEC]
        if self._is_new and not sys.dont_write_bytecode:
            self._keep()
        self._is_new = False

    def _execute(self, text: str, names: dict[str, Any] | None = None, local: dict[str, Any] | None = None) -> None:
        code = self._code.get(text)
        if code is None:
            code = self._code[text] = compile(text, "<string>", "exec", dont_inherit=True)
            self._is_new = True
        exec(code, names, local)  # noqa: S102 - what dataclasses has written

    def _keep(self) -> None:
        """Write the file; where that fails, as in a folder that is only read, the next process compiles again."""
        data = marshal.dumps(self._code if len(self._code) <= _MOST else {})
        part = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            part.write_bytes(_head(data) + data)
            part.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()


def _read(file: Path) -> dict[str, CodeType]:
    """What was kept by the same Python; nothing when there is no such file or it is damaged."""
    try:
        content = file.read_bytes()
        data = content[len(MAGIC_NUMBER) + _SUM :]
        if content != _head(data) + data:
            return {}
        code: dict[str, CodeType] = marshal.loads(data)  # noqa: S302 - as trusted as the bytecode beside it
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    return code


def _head(data: bytes) -> bytes:
    return MAGIC_NUMBER + zlib.crc32(data).to_bytes(_SUM, "big")
