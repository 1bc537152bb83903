"""``engine docs``: documentation that is made of what is registered."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.cli.command import OK, Command

if TYPE_CHECKING:
    from engine.documents.language import Language

_SITE: Final = Path("site.yaml")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "about",
        choices=("bindings", "protocols"),
        help="'bindings': the guards, actions and services of charts; 'protocols': the scales and card readers",
    )
    parser.add_argument("--lang", choices=("ko", "en"), help="the language (default: the locale's)")


def _run(arguments: Namespace) -> int:
    from engine.documents.language import language_from_env

    language: Language = arguments.lang or language_from_env()
    catalogue = _protocols if arguments.about == "protocols" else _bindings
    print(catalogue(language), end="")
    return OK


def _bindings(language: Language) -> str:
    from engine.cli.generate.bindings import bindings_catalogue
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.site import read_bindings

    return bindings_catalogue(make_registry(read_bindings(_SITE)), language)


def _protocols(language: Language) -> str:
    """All that ship, and those that the site here adds: in its bindings, and as profiles beside it."""
    from engine.cli.generate.protocols import protocols_catalogue
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.site import read_bindings
    from engine.service.protocols import site_protocols
    from parsers import PROTOCOLS

    make_registry(read_bindings(_SITE))
    own = site_protocols(Path(), PROTOCOLS) if _SITE.is_file() else None
    added = {} if own is None else {one.info.name: one.info for one in own.profiles if one.info is not None}
    return protocols_catalogue({**PROTOCOLS, **added}, language)


COMMAND = Command("docs", "print what charts and sites may name, as Markdown", _add_arguments, _run)
