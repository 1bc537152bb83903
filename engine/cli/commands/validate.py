"""``engine validate``: what is wrong with charts and sites, where, and how to mend it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from engine.cli.command import OK, PROBLEM, Command


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="charts, site files, or folders (default: everything of the site in the current folder)",
    )
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="(default: %(default)s)")
    parser.add_argument("--lang", choices=("ko", "en"), help="the language of the findings (default: the locale's)")
    parser.add_argument("--no-cache", action="store_true", help="check everything again and remember nothing")


def _run(arguments: Namespace) -> int:
    from engine.cli.validation import formats
    from engine.cli.validation.cache import default_folder
    from engine.cli.validation.run import validate
    from engine.documents.language import language_from_env

    language = arguments.lang or language_from_env()
    report = validate(arguments.paths, None if arguments.no_cache else default_folder())
    show = {"text": formats.as_text, "json": formats.as_json, "github": formats.as_github}[arguments.format]
    text = show(report, language)
    if text:
        print(text)
    return OK if report.is_clean else PROBLEM


COMMAND = Command("validate", "check charts and sites, and say how to mend them", _add_arguments, _run)
