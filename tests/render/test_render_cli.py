"""``engine graph`` from the shell: what it writes, and how it refuses."""

import builtins
import json

import pytest
from render_kit import needs_graphviz, needs_resvg

from engine.cli.main import main
from engine.render import graphviz, png

SMALL = "chart: small\ntitle: 작은 것\ninitial: a\nevents: {go: {}}\nstates: {a: {title: 처음, on: {go: b}}, b: {}}\n"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_without_anything_else_a_tree_goes_to_the_terminal(capsys):
    assert main(["graph", "weighing"]) == 0
    assert capsys.readouterr().out.startswith("계량  weighing ")


def test_the_ending_of_the_output_chooses_the_format(small, tmp_path, capsys):
    for ending, begin in ((".mmd", "---\n"), (".dot", "digraph"), (".txt", "작은 것")):
        assert main(["graph", str(small), "-o", str(tmp_path / f"x{ending}")]) == 0
        assert (tmp_path / f"x{ending}").read_text(encoding="utf-8").startswith(begin)
    assert main(["graph", str(small), "--format", "dot"]) == 0
    assert capsys.readouterr().out.startswith("digraph")


@needs_graphviz
@needs_resvg
def test_pictures_and_pages_are_written(small, tmp_path):
    for ending, begin in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".html", b"<!doctype html>")):
        assert main(["graph", str(small), "-o", str(tmp_path / f"x{ending}")]) == 0
        assert (tmp_path / f"x{ending}").read_bytes().startswith(begin)
    assert json.dumps(SMALL.splitlines()[1], ensure_ascii=False) in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_marks_come_from_the_command_line(small, tmp_path, capsys):
    trace = tmp_path / "trace.jsonl"
    trace.write_text('{"transitions": [{"source": "a", "event": "go"}]}\nrubbish\n{"transitions": [{"source": "z"}]}\n')
    other = tmp_path / "other.yaml"
    other.write_text(SMALL.replace("처음", "시작"), encoding="utf-8")
    arguments = ["--active", "b, a", "--trace", str(trace), "--diff", str(other), "--title-language", "ko"]
    assert main(["graph", str(small), *arguments]) == 0
    told = capsys.readouterr()
    assert "~ 처음  (ACTIVE)" in told.out
    assert "1× go → b" in told.out
    assert "1 lines of" in told.err
    assert "1 of the transitions taken" in told.err


def test_bindings_of_the_site_are_known(tmp_path, capsys):
    (tmp_path / "bindings").mkdir()
    (tmp_path / "bindings" / "lamp.py").write_text(
        "from engine.bindings.registry import Help\n\n\ndef register(registry):\n"
        "    registry.action('lamp.blink', help=Help('Blink.', '깜박인다.'), source=__name__)\n"
    )
    (tmp_path / "site.yaml").write_text("bindings: [bindings/lamp.py]\n")
    (tmp_path / "machines").mkdir()
    chart = tmp_path / "machines" / "own.yaml"
    chart.write_text("chart: own\ninitial: a\nstates: {a: {entry: [lamp.blink]}}\n")
    assert main(["graph", str(chart)]) == 0
    assert "entry lamp.blink" in capsys.readouterr().out


def refused(capsys, *arguments):
    code = main(["graph", *arguments])
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return code, told.err


def test_a_chart_that_is_not_there_is_told(capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    code, told = refused(capsys, "weighin")
    assert code == 1
    assert "did you mean 'weighing'?" in told
    code, told = refused(capsys, "nowhere/weighing.yaml")
    assert (code, "file-missing" in told) == (1, True)


def test_a_chart_with_errors_is_told_with_all_of_them(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("chart: bad\ninitial: a\nstates:\n  a: {always: [{target: nowhere}], entry: [nothing.known]}\n")
    code, told = refused(capsys, str(path))
    assert code == 1
    assert f"{path}:4:25: error[unknown-target]" in told
    assert "error[unknown-action]" in told


@pytest.mark.parametrize("name", ["folder", "binary.yaml", "empty.yaml"])
def test_a_file_that_is_no_chart_is_told(tmp_path, capsys, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "empty.yaml").touch()
    code, told = refused(capsys, str(tmp_path / name))
    assert code == 1
    assert "error[" in told


def test_misuse_is_told_apart(small, tmp_path, capsys):
    code, told = refused(capsys, str(small), "-o", str(tmp_path / "picture"))
    assert code == 2
    assert "end it in .mmd, .dot, .svg, .png, .html, .txt, or give --format" in told
    code, told = refused(capsys, "weighing", "--active", "mesuring")
    assert (code, "did you mean 'measuring'?" in told) == (2, True)
    with pytest.raises(SystemExit) as ended:
        main(["graph", "weighing", "--format", "jpeg"])
    assert ended.value.code == 2
    assert "invalid choice: 'jpeg'" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_told(small, tmp_path, capsys):
    code, told = refused(capsys, str(small), "-o", str(tmp_path / "gone" / "x.txt"))
    assert (code, "does not exist; make it first" in told) == (1, True)
    (tmp_path / "taken.txt").mkdir()
    code, told = refused(capsys, str(small), "-o", str(tmp_path / "taken.txt"))
    assert (code, "is a folder; name a file in it" in told) == (1, True)


def test_a_trace_that_is_none_is_told(small, tmp_path, capsys):
    code, told = refused(capsys, str(small), "--trace", str(tmp_path / "none.jsonl"))
    assert (code, "cannot be read: No such file" in told) == (1, True)
    code, told = refused(capsys, str(small), "--trace", str(small))
    assert (code, "holds no macrosteps" in told) == (1, True)


@pytest.mark.parametrize(("module", "format_"), [("wasmtime", "svg"), ("resvg_py", "png")])
def test_without_the_extra_it_is_said_what_to_install(small, tmp_path, capsys, monkeypatch, module, format_):
    real = builtins.__import__

    def without(name, *arguments, **named):
        if name.split(".")[0] == module:
            raise ImportError(f"No module named '{name}'")
        return real(name, *arguments, **named)

    graphviz._backend.cache_clear()
    png.can_draw_hangul.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    code, told = refused(capsys, str(small), "-o", str(tmp_path / f"x.{format_}"))
    assert code == 1
    assert "pip install 'scaleledger-engine[graph]'" in told
    assert not (tmp_path / f"x.{format_}").exists()


@needs_graphviz
@needs_resvg
def test_a_png_on_a_machine_without_korean_letters_comes_with_a_warning(small, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("engine.render.png.can_draw_hangul", lambda: False)
    assert main(["graph", str(small), "-o", str(tmp_path / "x.png")]) == 0
    assert "fonts-noto-cjk or fonts-nanum" in capsys.readouterr().err
    assert main(["graph", str(small), "-o", str(tmp_path / "x.png"), "--title-language", "en"]) == 0
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_a_failure_of_graphviz_is_an_error_in_words(monkeypatch):
    class Broken:
        def render(self, _dot, *, format):
            raise RuntimeError("wasm trap: unreachable\nbacktrace ...")

    monkeypatch.setattr(graphviz, "_backend", Broken)
    with pytest.raises(graphviz.GraphvizError, match=r"could not lay the chart out: wasm trap: unreachable$"):
        graphviz.lay_out("digraph {}")
