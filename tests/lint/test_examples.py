"""Every code is explained, and every example of it is true: the wrong file is told it, the right one nothing."""

from pathlib import Path

import pytest

from engine.chart.lint.rules import RULES
from engine.cli.examples import examples
from engine.cli.main import main
from engine.cli.validation.run import validate
from engine.documents import catalog

# What no small file can show, or nothing but a file that is no text.
WITHOUT_EXAMPLE = {
    *("file-missing", "file-is-a-folder", "file-unreadable", "file-too-large", "not-utf-8", "binary-file"),
    *("nested-too-deeply", "too-many-values", "expression-too-long", "extends-too-deep", "too-many-findings"),
    *("no-site", "nothing-to-validate", "bindings-failed"),
    *("schema-mismatch", "excluded", "yaml-syntax"),  # what remains when no better word is known
}

# A sequence's: too long for a file, on the command line only, or by way of a link.
WITHOUT_EXAMPLE |= {"too-many-steps", "unknown-sequence", "parameter-missing", "driver-outside"}

# Lists of cards are read by engine cards import, which tests/cli/test_cards_command.py shows.
WITHOUT_EXAMPLE |= {code for code in catalog.codes() if code.startswith("card-")}


def test_every_code_has_an_example():
    assert catalog.codes() - examples().keys() == WITHOUT_EXAMPLE
    assert examples().keys() <= catalog.codes()
    assert RULES.keys() <= catalog.codes()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")  # the shipped charts need be checked once only


def told(example, files, cache):
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    return [found.code for found in validate(example.paths, cache).findings]


@pytest.mark.parametrize("code", sorted(examples()))
def test_an_example_is_true(code, tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HALL_SERVER", raising=False)
    example = examples()[code]
    assert code in told(example, {example.file: example.wrong, **example.wrong_beside}, cache)
    assert told(example, {example.file: example.right, **example.right_beside}, cache) == []


@pytest.mark.parametrize("code", ["limits-never", "twin-wants-argument"])
def test_an_example_with_files_beside_it_is_explained_with_what_is_wrong_there(code, capsys):
    assert main(["explain", code, "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert f"error[{code}]" in said
    assert ("drivers/psu.py" in said) == (code == "twin-wants-argument")
