"""The protocols that a command knows: those that ship, and those of the site that it stands in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from parsers import ProtocolInfo

_SITE: Final = "site.yaml"


def known_protocols(config: Path | None) -> tuple[ProtocolInfo, ...]:
    """Every protocol, each once. ``config`` is a site.yaml; without one it is that of the working directory, if any.

    Raises EngineError when the site's bindings cannot be loaded. A profile with a mistake in it is passed over: it is
    what ``engine validate`` is for.
    """
    from engine.service.protocols import register, site_protocols
    from parsers import PROTOCOLS

    site = Path(_SITE) if config is None else config
    if config is not None or site.is_file():
        _load_bindings(site)
        register(
            profile for profile in site_protocols(site.absolute().parent, PROTOCOLS).profiles if not profile.problems
        )
    return tuple(PROTOCOLS.values())


def _load_bindings(site: Path) -> None:
    from engine.bindings.discover import load_files, load_installed
    from engine.bindings.shipped import shipped_registry
    from engine.documents.source import load_yaml

    registry = shipped_registry()
    load_installed(registry)
    listed = load_yaml(site).root.get("bindings")
    files = [file for file in listed if isinstance(file, str)] if isinstance(listed, list) else []
    load_files(registry, [site.absolute().parent / file for file in files])
