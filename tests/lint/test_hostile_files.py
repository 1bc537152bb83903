"""Whatever a file holds, it is told what is wrong with it: never a traceback, and never a long wait."""

import os
import sys

import pytest

from engine.cli.validation.formats import as_text
from engine.cli.validation.run import validate


def deep(levels):
    lines = ["chart: x", "initial: s0", "states:"]
    for level in range(levels):
        pad = "    " * level + "  "
        lines += [f"{pad}s{level}:", f"{pad}  initial: s{level + 1}", f"{pad}  states:"]
    return "\n".join([*lines, "    " * levels + f"  s{levels}: {{}}"])


def bomb():
    lines = ["chart: x", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    return "\n".join([*lines, *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10))])


FILES = {
    "binary": (bytes(range(256)) * 20, "binary-file"),
    "NUL": (b"chart: x\0y", "binary-file"),
    "empty": (b"", "empty-document"),
    "only comments": (b"# chart:\n\n", "empty-document"),
    "a tab": (b"chart: x\nstates:\n\ta: {}\n", "yaml-tab"),
    "10 MB": (b"chart: x\n" + b"# filler filler filler\n" * 450_000, "file-too-large"),
    "alias bomb": (bomb().encode(), "too-many-values"),
    "1,000 nested states": (deep(1_000).encode(), "nested-too-deeply"),
    "60 nested states": (deep(60).encode(), "nested-too-deeply"),
    "1,000 braces": (b"chart: x\nstates: " + b"{a: {states: " * 1000 + b"{}" + b"}}" * 1000, "nested-too-deeply"),
    "CP949": ("chart: x\ntitle: 계량 상태\n".encode("cp949"), "not-utf-8"),
    "UTF-16": ("chart: x\n".encode("utf-16"), "not-utf-8"),
    "a list": (b"- chart\n- x\n", "unknown-document"),
    "a word": (b"hello\n", "unknown-document"),
    "something else": (b"services: {web: {image: nginx}}\n", "unknown-document"),
    "only a name": (b"chart: x\n", "missing-key"),
    "wrong everywhere": (b"chart: 5\ninitial: [a, 3]\nstates: [1, 2]\nevents: 7\non: {x: 3}\n", "wrong-type"),
    "a thousand brackets in an expression": (
        f"chart: x\ninitial: a\nstates: {{a: {{always: {{when: '{'(' * 900}1{')' * 900}', target: a}}}}}}\n".encode(),
        "expression-syntax",
    ),
    "states that stand for each other": (
        b"chart: x\ninitial: a\nstates:\n  a: &a {initial: b, states: {b: {}, c: {}}}\n"
        + b"".join(b"  e%d: *a\n" % i for i in range(2000)),
        "duplicate-state",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_strange_file_is_told_what_is_wrong(name, tmp_path):
    content, code = FILES[name]
    path = tmp_path / "strange.yaml"
    path.write_bytes(content)
    report = validate([str(path)], None)
    assert code in {found.code for found in report.findings}
    for language in ("en", "ko"):
        assert code in as_text(report, language)


def test_a_path_that_is_no_file(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    names = {"missing.yaml": "file-missing", "empty": "nothing-to-validate", "a.yaml": "file-unreadable"}
    for name, code in names.items():
        assert [found.code for found in validate([str(tmp_path / name)], None).findings] == [code]


def test_a_name_with_a_nul_is_no_file():
    assert [found.code for found in validate(["a\0b.yaml"], None).findings] == ["file-unreadable"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "secret.yaml"
    path.write_text("chart: x\n")
    path.chmod(0)
    assert [found.code for found in validate([str(path)], None).findings] == ["file-unreadable"]


class TestExtending:
    def codes(self, tmp_path, files, name="a.yaml"):
        for file, text in files.items():
            (tmp_path / file).write_text(text)
        return [found.code for found in validate([str(tmp_path / name)], None).findings]

    def test_itself(self, tmp_path):
        assert self.codes(tmp_path, {"a.yaml": "extends: ./a.yaml\n"}) == ["extends-cycle"]

    def test_each_other_by_longer_and_longer_paths(self, tmp_path):
        up = f"../{tmp_path.name}"
        files = {"a.yaml": f"extends: {up}/b.yaml\n", "b.yaml": f"extends: {up}/a.yaml\n"}
        assert self.codes(tmp_path, files) == ["extends-cycle"]

    def test_without_end(self, tmp_path):
        files = {f"c{i}.yaml": f"extends: c{i + 1}.yaml\n" for i in range(40)}
        assert self.codes(tmp_path, files, "c0.yaml") == ["extends-too-deep"]

    def test_what_is_not_there(self, tmp_path):
        assert self.codes(tmp_path, {"a.yaml": "extends: ./b.yaml\n"}) == ["referenced-file-missing"]
        assert self.codes(tmp_path, {"a.yaml": "extends: b\n"}) == ["unknown-chart"]

    def test_what_cannot_be_read(self, tmp_path):
        found = self.codes(tmp_path, {"a.yaml": "extends: b.yaml\n", "b.yaml": "chart: 'b\n"})
        assert found == ["yaml-unclosed-quote"]
