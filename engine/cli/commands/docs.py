"""``engine docs``: documentation that is made of what is registered."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from engine.cli.command import OK, Command


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("about", choices=("bindings",), help="'bindings': the guards, actions and services of charts")
    parser.add_argument("--lang", choices=("ko", "en"), help="the language (default: the locale's)")


def _run(arguments: Namespace) -> int:
    from pathlib import Path

    from engine.cli.generate.bindings import bindings_catalogue
    from engine.cli.validation.bindings import make_registry
    from engine.cli.validation.site import read_bindings
    from engine.documents.language import language_from_env

    registry = make_registry(read_bindings(Path("site.yaml")))
    print(bindings_catalogue(registry, arguments.lang or language_from_env()), end="")
    return OK


COMMAND = Command("docs", "print what charts may name, as Markdown", _add_arguments, _run)
