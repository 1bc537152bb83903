"""Loads a package's drivers: from its own folder only, under a private name, and nothing of it on ``sys.path``.

``drivers.psu:Psu`` is the class ``Psu`` of ``drivers/psu.py`` in the package's folder. Modules of one package see each
other by relative imports (``from .bus import Bus``); two packages may each have a ``drivers/psu.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import traceback
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.documents.suggest import did_you_mean
from engine.errors import Diagnostic, Position
from engine.sequence.interfaces import Interface, interface_of

TWIN_SUFFIX: Final = "Sim"  # the simulated twin of ``Psu`` is ``PsuSim``, beside it in its module

_PRIVATE: Final = "_sequence_"  # what the names of the packages begin with that stand for folders

_WRITTEN: Final = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)\Z")


def is_driver_module(name: str) -> bool:
    """Whether a module with this name belongs to a package's drivers."""
    return name.startswith(_PRIVATE)


@dataclass(slots=True)
class DriverLoader:
    """Loads drivers of one package and notes what is wrong with them."""

    folder: Path
    problems: list[Diagnostic] = field(default_factory=list)
    _package: str | None = None

    def load(self, written: str, position: Position) -> Interface | None:
        """The driver that is called so; None when it cannot be had, and why is in ``problems``."""
        match = _WRITTEN.match(written)
        if match is None:
            self._report("driver-form", position, name=written)
            return None
        file = self._file_of(match["module"], position)
        if file is None:
            return None
        module = self._import(match["module"], position)
        if module is None:
            return None
        class_ = getattr(module, match["name"], None)
        if not isinstance(class_, type):
            known = [
                n for n, one in vars(module).items() if isinstance(one, type) and one.__module__ == module.__name__
            ]
            guess = did_you_mean(match["name"], known) or ""
            self._report("unknown-driver", position, name=written, guess=guess, known=known)
            return None
        return interface_of(class_, written)

    def twin(self, interface: Interface, written: str) -> Interface | None:
        """The simulated twin by convention: ``PsuSim`` beside ``Psu``; None when there is none."""
        module = sys.modules.get(getattr(interface.make, "__module__", ""))
        name = written.rpartition(":")[2] + TWIN_SUFFIX
        class_ = getattr(module, name, None)
        return interface_of(class_, f"{written}{TWIN_SUFFIX}") if isinstance(class_, type) else None

    def files(self) -> tuple[Path, ...]:
        """The Python files of the package, in a fixed order."""
        return tuple(_python_files(self.folder))

    def _file_of(self, module: str, position: Position) -> Path | None:
        base = self.folder.joinpath(*module.split("."))
        file = next((one for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file()), None)
        if file is None:
            known = [".".join(one.relative_to(self.folder).with_suffix("").parts) for one in self.files()]
            guess = did_you_mean(module, known) or ""
            self._report("driver-module-missing", position, name=module, guess=guess, known=known)
            return None
        outside = [one for one in (file, *self.files()) if not _is_inside(one, self.folder)]
        if outside:
            self._report("driver-outside", position, path=str(outside[0].relative_to(self.folder)))
            return None
        return file

    def _import(self, module: str, position: Position) -> types.ModuleType | None:
        was_written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a package's folder stays as it is
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what it prints must not be taken for our answer
                return importlib.import_module(f"{self._root()}.{module}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a driver may fail in any way while it is read
            self._report("driver-broken", position, name=module, reason=self._reason(error))
            return None
        finally:
            sys.dont_write_bytecode = was_written

    def _reason(self, error: BaseException) -> str:
        """What was raised, and where in the package."""
        folder, place = self.folder.resolve(), ""
        if isinstance(error, SyntaxError) and error.filename is not None:
            places = [(error.filename, error.lineno or 1)]
            error = type(error)(error.msg)
        else:
            frames = traceback.extract_tb(error.__traceback__)
            places = [(frame.filename, frame.lineno or 1) for frame in frames]
        for file, line in places:
            if Path(file).resolve().is_relative_to(folder):
                place = f" ({Path(file).resolve().relative_to(folder).as_posix()}:{line})"
        return f"{type(error).__name__}: {error}".replace(f"{self._root()}.", "") + place

    def _root(self) -> str:
        """The private package that stands for the folder; another one as soon as a file in it is another."""
        if self._package is None:
            found = hashlib.sha256(str(self.folder.resolve()).encode())
            for file in self.files():
                found.update(str(file).encode())
                found.update(file.read_bytes())
            self._package = f"{_PRIVATE}{found.hexdigest()[:20]}"
        if self._package not in sys.modules:
            spec = importlib.machinery.ModuleSpec(self._package, None, is_package=True)
            spec.submodule_search_locations = [str(self.folder)]
            importlib.invalidate_caches()
            sys.modules[self._package] = importlib.util.module_from_spec(spec)
        return self._package

    def _report(self, code: str, position: Position, **params: object) -> None:
        self.problems.append(Diagnostic(code, position, params))


def _python_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__pycache__")))
        # A link to a folder is not followed by the walk, and would be by an import: it is judged like a file.
        found += [Path(place, one) for one in folders if Path(place, one).is_symlink()]
        found += [Path(place, one) for one in sorted(names) if one.endswith(".py")]
    return [one for one in found if one.is_symlink() or one.is_file()]


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
