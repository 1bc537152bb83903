"""``engine explain``: what a finding means, with an example, wrong and right."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from engine.cli.command import OK, PROBLEM, Command

if TYPE_CHECKING:
    from engine.cli.examples.example import Example
    from engine.documents.language import Language
    from engine.errors import Diagnostic


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="as in error[CODE] (default: list all)")
    parser.add_argument("--lang", choices=("ko", "en"), help="the language (default: the locale's)")


def _run(arguments: Namespace) -> int:
    from engine.documents import catalog
    from engine.documents.language import language_from_env

    language: Language = arguments.lang or language_from_env()
    if arguments.code is None:
        print("\n".join(f"{code:24} {_sentence(code, language)}" for code in sorted(catalog.codes())))
        return OK
    if arguments.code not in catalog.codes():
        from engine.documents.suggest import did_you_mean

        guess = did_you_mean(arguments.code, catalog.codes())
        hint = f"did you mean '{guess}'?" if guess else "engine explain lists them all"
        print(f"no finding is called '{arguments.code}'; {hint}", file=sys.stderr)
        return PROBLEM
    print(explain(arguments.code, language))
    return OK


def explain(code: str, language: Language) -> str:
    """The whole explanation of a code."""
    from engine.chart.lint.rules import RULES
    from engine.cli.examples import examples
    from engine.documents.catalog import phrase
    from engine.documents.render import cause

    severity = RULES.get(code) or _severity(code)
    parts = [
        f"{code}: {_sentence(code, language)}",
        f"{phrase(f'severity-{severity}', language)}",
        f"{phrase('why', language)}: {cause(code, language)}",
    ]
    if code in RULES:
        parts.append(phrase("can-be-ignored", language).format(code=code))
    example = examples().get(code)
    if example is not None:
        parts += _shown(example, code, language)
    else:
        parts.append(f"{phrase('mend', language)}: {_template(code, 'mend', language)}")
    return "\n".join(parts)


def _severity(code: str) -> str:
    """How severe a finding is that no rule of the linter makes."""
    if code.startswith("ignore-"):
        return "warning"
    return "info" if code in {"environment-missing", "too-many-findings"} else "error"


def _sentence(code: str, language: Language) -> str:
    return _template(code, "message", language)


def _template(code: str, part: str, language: Language) -> str:
    """The text of an entry as it is before anything is known: an ellipsis stands for what a finding tells."""
    from re import sub

    from engine.documents import catalog

    entry = catalog.entry(code, language)
    assert entry is not None
    # Particles of Korean that depend on what is told ({name:은/는}) go with it.
    return sub(r"\{\w+:[^}]*\}", "", sub(r"\{\w+\}", "…", getattr(entry, part))).replace("{{", "{").replace("}}", "}")


def _shown(example: Example, code: str, language: Language) -> list[str]:
    from engine.documents.catalog import phrase

    told = [found for found in findings_of(example) if found.code == code]
    lines = []
    wrong = {example.file: example.wrong, **example.wrong_beside}
    right = {example.file: example.right, **example.right_beside}
    # What is wrong may be in a file beside it: a driver, say.
    differ = [name for name in wrong if wrong[name] != right.get(name)]
    for name in dict.fromkeys((example.file, *differ)):
        lines += [f"\n{phrase('wrong', language)} ({name}):\n", _indented(wrong[name])]
    lines += [f"\n{phrase('told', language)}:\n"]
    lines += [_indented(_rendered(found, example, language)) for found in told[:1]]
    for name in differ or [example.file]:
        place = f" ({name})" if name != example.file else ""
        lines += [f"\n{phrase('right', language)}{place}:\n", _indented(right.get(name, ""))]
    return lines


def _rendered(found: Diagnostic, example: Example, language: Language) -> str:
    from engine.documents.render import render
    from engine.documents.tree import split_lines

    texts = {example.file: example.wrong, **example.wrong_beside}
    text = texts.get(found.position.file)
    return render(found, None if text is None else split_lines(text), language)


def findings_of(example: Example) -> list[Diagnostic]:
    """What the check says about the wrong file of an example."""
    import contextlib
    import tempfile
    from pathlib import Path

    from engine.cli.validation.run import validate

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, text in {example.file: example.wrong, **example.wrong_beside}.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        return validate(example.paths, None).findings


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))


COMMAND = Command("explain", "explain a finding of validate, with an example", _add_arguments, _run)
