"""What was checked is remembered, and believed only while everything it was made of is as it was."""

# ruff: noqa: E501 - charts on one line are easier to compare

import pytest

from engine.chart.lint import check
from engine.cli.validation import cache as cache_module
from engine.cli.validation import charts
from engine.cli.validation.run import validate

CHART = "chart: x\ninitial: a\nstates:\n  a: {after: {1 s: b}}\n  b: {type: final}\n"
BROKEN = CHART.replace("1 s", "1")


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Checks files in ``tmp_path``; gives what is told, and how many charts were really checked for it."""
    monkeypatch.chdir(tmp_path)
    made = []

    def counting(chart, registry):
        made.append(str(chart))
        return check.check_chart(chart, registry)

    monkeypatch.setattr(charts, "check_chart", counting)

    def run(*paths):
        made.clear()
        report = validate(paths or ["a.yaml"], tmp_path / "cache")
        return [(found.code, found.position.line) for found in report.findings], sorted(made)

    (tmp_path / "a.yaml").write_text(CHART)
    return run


def test_a_file_that_has_not_changed_is_not_checked_again(counted):
    assert counted() == ([], ["a.yaml"])
    assert counted() == ([], [])


def test_findings_are_remembered_as_they_were(counted, tmp_path):
    (tmp_path / "a.yaml").write_text(BROKEN)
    first = validate(["a.yaml"], tmp_path / "cache").findings
    again = validate(["a.yaml"], tmp_path / "cache").findings
    assert [(f.code, f.position, dict(f.params), f.severity) for f in first] == [
        (f.code, f.position, dict(f.params), f.severity) for f in again
    ]
    assert counted()[1] == []


def test_a_file_that_has_changed_is(counted, tmp_path):
    counted()
    (tmp_path / "a.yaml").write_text(BROKEN)
    assert counted() == ([("needs-unit", 4)], ["a.yaml"])


def test_of_several_files_only_the_changed_one_is_checked(counted, tmp_path):
    (tmp_path / "b.yaml").write_text(CHART)
    counted("a.yaml", "b.yaml")
    (tmp_path / "b.yaml").write_text(BROKEN)
    assert counted("a.yaml", "b.yaml")[1] == ["b.yaml"]


def test_a_chart_whose_base_has_changed_is_checked_again(counted, tmp_path):
    (tmp_path / "b.yaml").write_text("extends: a.yaml\ntitle: b\n")
    assert counted("b.yaml") == ([], ["b.yaml"])
    (tmp_path / "a.yaml").write_text(BROKEN)
    assert counted("b.yaml") == ([("needs-unit", 4)], ["b.yaml"])


def test_a_base_that_appears_is_seen(counted, tmp_path):
    (tmp_path / "b.yaml").write_text("extends: c.yaml\ntitle: b\n")
    assert counted("b.yaml")[0] == [("referenced-file-missing", 1)]
    (tmp_path / "c.yaml").write_text(CHART)
    assert counted("b.yaml")[0] == []


def test_an_invoked_chart_that_appears_is_seen(counted, tmp_path):
    invoke = "{invoke: {chart: ./c.yaml, on: {done: b, error: b}}}"
    (tmp_path / "b.yaml").write_text(CHART.replace("{after: {1 s: b}}", invoke))
    assert counted("b.yaml")[0] == [("referenced-file-missing", 4)]
    (tmp_path / "c.yaml").write_text(CHART)
    assert counted("b.yaml")[0] == []


def test_a_comment_that_silences_counts(counted, tmp_path):
    dead = CHART.replace("b: {type: final}", "b: {}")
    (tmp_path / "a.yaml").write_text(dead)
    assert counted()[0] == [("dead-end", 5)]
    (tmp_path / "a.yaml").write_text(dead.replace("b: {}", "b: {}  # engine: ignore[dead-end] it is"))
    assert counted()[0] == []


def test_another_program_believes_nothing(counted, monkeypatch):
    counted()
    monkeypatch.setattr("engine.cli.validation.run.program_digest", lambda: "another")
    assert counted()[1] == ["a.yaml"]


def test_other_bindings_believe_nothing(counted, monkeypatch):
    counted()
    monkeypatch.setattr("engine.cli.validation.run.bindings_digest", lambda _files: "others")
    assert counted()[1] == ["a.yaml"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"files": {}, "value": 7}', b"\xff\xfe"])
def test_an_entry_that_was_spoilt_is_no_entry(counted, tmp_path, content):
    counted()
    for entry in (tmp_path / "cache").iterdir():
        entry.write_bytes(content)
    assert counted()[0] == []


def test_a_folder_that_cannot_be_written_is_no_problem(counted, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert counted() == ([], ["a.yaml"])
    assert counted() == ([], ["a.yaml"])


def test_it_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "_MOST_ENTRIES", 5)
    cache = cache_module.Cache(tmp_path / "cache", "key")
    for number in range(40):
        cache.save(number, {}, str(number))
    assert cache.load(int, "39") == 39
    assert len(list((tmp_path / "cache").iterdir())) <= 6


def test_the_digest_of_the_program_covers_its_sources():
    names = {path.name for path in cache_module._program_files(cache_module.Path(cache_module.__file__).parents[3])}
    assert {"shipped.py", "reach.py", "build.py", "en_lint.py", "units.py", "weighing.yaml", "registry.py"} <= names
    assert "chart-structure.schema.json" in names


def test_the_digest_of_bindings_covers_what_a_chart_may_name(tmp_path):
    from engine.cli.validation.bindings import bindings_digest

    text = "from engine.bindings.registry import Help\n\n\ndef register(registry):\n    registry.guard('NAME', help=Help('a', 'b'))(len)\n"
    digests = set()
    for name in ("one", "two"):
        path = tmp_path / f"{name}.py"
        path.write_text(text.replace("NAME", name))
        digests |= {bindings_digest([str(path)]), bindings_digest([str(path)])}
    assert len(digests | {bindings_digest([])}) == 3
