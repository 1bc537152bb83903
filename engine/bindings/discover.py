"""Third parties' guards, actions, services and protocols: from installed packages, and from a site's own folder.

A package names a function under the entry point group ``scaleledger.bindings``; a site lists files of its ``bindings/``
folder in ``site.yaml``. Both are called with the registry: ``def register(registry): ...``. What came from where is
told, and a name that is there already is an error that names both places.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from engine.bindings.registry import Registry, RegistryError
from engine.errors import EngineError

GROUP: Final = "scaleledger.bindings"
_ENTRY: Final = "register"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one module added."""

    source: str
    names: tuple[str, ...]


def load_installed(registry: Registry) -> list[Loaded]:
    """Let every installed package that names itself under GROUP register its bindings. Raises RegistryError."""
    found = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        distribution = entry.dist.name if entry.dist is not None else entry.value
        source = f"{distribution} ({entry.value})"
        try:
            function = entry.load()
        except (Exception, SystemExit) as error:
            raise RegistryError(
                f"the bindings of {source} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        found.append(_register(registry, function, source))
    return found


def load_files(registry: Registry, files: Iterable[Path]) -> list[Loaded]:
    """Let the modules of a site's ``bindings/`` folder register theirs. Raises RegistryError."""
    return [_register(registry, _function_of(_module(path), path), str(path)) for path in files]


def module_name(path: Path) -> str:
    """What the module of a site's file is called, so that messages can name it."""
    return f"site_bindings.{path.stem}"


class _Loader(SourceFileLoader):
    """Reads the source every time: kept bytecode passes for current when an edit left second and size as they were."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the importer's
        return self.source_to_code(self.get_data(self.path), self.path)


def _module(path: Path) -> ModuleType:
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    if spec is None or spec.loader is None or not path.is_file():
        raise RegistryError(f"{path}: there is no such Python file; the site's bindings are listed in site.yaml")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise RegistryError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def _function_of(module: ModuleType, path: Path) -> Callable[[Registry], object]:
    function = getattr(module, _ENTRY, None)
    if not callable(function):
        raise RegistryError(f"{path}: it has no function 'register(registry)', which is what is called")
    found: Callable[[Registry], object] = function
    return found


def _register(registry: Registry, function: Callable[[Registry], object], source: str) -> Loaded:
    before = _names(registry)
    registry.origin = source
    try:
        function(registry)
    except EngineError:
        raise
    except (Exception, SystemExit) as error:
        raise RegistryError(f"{source}: register() failed: {type(error).__name__}: {error}") from error
    finally:
        registry.origin = ""
    return Loaded(source, tuple(sorted(_names(registry) - before)))


def _names(registry: Registry) -> set[str]:
    return {*registry.guards, *registry.actions, *registry.services, *registry.protocols}
