"""What is made of the registry is up to date, true, and says the same as the engine does."""

# ruff: noqa: E501 - charts on one line are easier to compare

import json
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from lint_kit import REGISTRY, shipped_text

from engine.bindings.shipped import shipped_registry
from engine.chart.builtin import BUILT_IN_ACTIONS
from engine.chart.expr_calls import FUNCTIONS
from engine.cli.commands.schema import shipped_file
from engine.cli.generate import bindings as bindings_module
from engine.cli.generate.bindings import bindings_catalogue
from engine.cli.generate.chart_schema import chart_schema, chart_schema_text
from engine.cli.main import main
from engine.documents.source import load_yaml
from machines import shipped_charts

VALIDATOR = Draft202012Validator(chart_schema(REGISTRY))


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


def errors(text):
    return [error.message for error in VALIDATOR.iter_errors(plain(load_yaml(text).data))]


class TestTheSchemaForEditors:
    def test_the_shipped_file_is_up_to_date(self):
        assert shipped_file().read_text(encoding="utf-8") == chart_schema_text(shipped_registry()), (
            "run: engine schema chart --write"
        )

    def test_it_is_a_schema(self):
        Draft202012Validator.check_schema(chart_schema(REGISTRY))

    @pytest.mark.parametrize("name", sorted(shipped_charts()))
    def test_shipped_charts_fit_it(self, name):
        assert errors(shipped_text(name)) == []

    def test_a_chart_that_extends_another_gives_only_what_differs(self):
        assert errors("extends: weighing\nstates:\n  idle: null\n  fault: {on: {card.read: null}}\n") == []
        assert errors("title: nothing else\n") != []

    CHART = "chart: x\ninitial: a\nstates:\n  a:\n    {}\n    after: {{1 s: a}}\n"

    @pytest.mark.parametrize(
        "line",
        [
            "entry: [stream.send_latest, signal.show: saved, log: hello, log: {message: hello, level: warning}]",
            "entry: [assign: {x: 1}, choose: [{when: true, actions: [log: x]}], window.clear: w]",
            "entry: [send: {to: upload, event: x, delay: 3 s}, raise: x, cancel: y]",
            "invoke: {service: store.pending_records, on: {found: a, none: a, error: a}}",
            "invoke: {service: store.pending_records, with: {limit: '${data.n}'}, on: {}}",
            "always: {guard: {all: [{not: {when: true}}, {window_is_stable: {window: w, for: 1 s, within: 1 g, at_least: 1 g}}]}, target: a}",
        ],
    )
    def test_what_is_registered_fits(self, line):
        assert errors(self.CHART.format(line)) == []

    @pytest.mark.parametrize(
        "line",
        [
            "entry: [stream.send_lates]",
            "entry: [signal.show: save]",
            "entry: [signal.show]",
            "entry: [log: {mesage: hello}]",
            "entry: [send: {event: x, delay: 3}]",
            "invoke: {service: store.pending_record, on: {}}",
            "invoke: {service: store.pending_records, with: {limit: many}, on: {}}",
            "invoke: {service: store.pending_records, on: {fund: a}}",
            "invoke: {service: store.save_token, timeout: 30, on: {}}",
            "always: {guard: is_full, target: a}",
            "always: {guard: {window_is_stable: {window: w}}, target: a}",
        ],
    )
    def test_what_is_not_does_not(self, line):
        assert errors(self.CHART.format(line)) != []

    def test_everything_registered_is_explained(self):
        text = json.dumps(chart_schema(REGISTRY), ensure_ascii=False)
        for spec in (*REGISTRY.guards.values(), *REGISTRY.actions.values(), *REGISTRY.services.values()):
            assert spec.help.en in text
            assert spec.help.ko in text
            for parameter in spec.parameters.values():
                assert parameter.help.ko in text


class TestTheSchemaCommand:
    def test_it_shows_the_schema(self, capsys):
        assert main(["schema", "chart"]) == 0
        assert capsys.readouterr().out == chart_schema_text(REGISTRY)

    def test_it_writes_it_anywhere(self, tmp_path):
        target = tmp_path / "chart.schema.json"
        assert main(["schema", "chart", "--write", str(target)]) == 0
        assert target.read_text(encoding="utf-8") == chart_schema_text(REGISTRY)

    def test_it_says_when_it_cannot(self, tmp_path, capsys):
        assert main(["schema", "chart", "--write", str(tmp_path / "no" / "folder")]) == 1
        assert "cannot be written" in capsys.readouterr().err

    def test_it_tells_whether_the_shipped_one_is_stale(self, tmp_path, monkeypatch, capsys):
        assert main(["schema", "chart", "--check"]) == 0
        stale = tmp_path / "chart.schema.json"
        stale.write_text("{}")
        monkeypatch.setattr("engine.cli.commands.schema.shipped_file", lambda: Path(stale))
        assert main(["schema", "chart", "--check"]) == 1
        assert "engine schema chart --write" in capsys.readouterr().err


class TestTheSchemaOfASite:
    @pytest.fixture(autouse=True)
    def site(self, tmp_path, monkeypatch):
        (tmp_path / "lamp.py").write_text(
            "from engine.bindings.registry import Help\n"
            "def register(registry): registry.action('lamp.blink', help=Help('', ''), source='lamp')\n"
        )
        (tmp_path / "site.yaml").write_text("bindings: [lamp.py]\n")
        monkeypatch.chdir(tmp_path)

    def test_it_is_written_beside_the_site_and_names_its_bindings(self, tmp_path):
        before = shipped_file().read_bytes()
        assert main(["schema", "chart", "--write"]) == 0
        assert "lamp.blink" in (tmp_path / "schemas" / "chart.schema.json").read_text(encoding="utf-8")
        assert shipped_file().read_bytes() == before
        assert main(["schema", "chart", "--check"]) == 0

    def test_it_is_stale_when_the_bindings_have_changed(self, tmp_path, capsys):
        assert main(["schema", "chart", "--check"]) == 1  # there is none yet
        main(["schema", "chart", "--write"])
        bindings = tmp_path / "lamp.py"
        bindings.write_text(bindings.read_text().replace("lamp.blink", "lamp.shine"))
        assert main(["schema", "chart", "--check"]) == 1
        assert "is stale" in capsys.readouterr().err

    def test_what_is_not_even_text_is_stale(self, tmp_path, capsys):
        (tmp_path / "schemas").mkdir()
        (tmp_path / "schemas" / "chart.schema.json").write_bytes(b"\xff\xfe\x00")
        assert main(["schema", "chart", "--check"]) == 1
        assert "engine schema chart --write" in capsys.readouterr().err


class TestTheCatalogue:
    @pytest.mark.parametrize("language", ["en", "ko"])
    def test_it_names_and_explains_everything(self, language):
        text = bindings_catalogue(REGISTRY, language)
        specs = (
            *REGISTRY.guards.values(),
            *BUILT_IN_ACTIONS.values(),
            *REGISTRY.actions.values(),
            *REGISTRY.services.values(),
        )
        for spec in specs:
            assert f"### `{spec.name}`" in text
            assert getattr(spec.help, language) in text
            for name, parameter in spec.parameters.items():
                assert f"| `{name}` |" in text
                assert getattr(parameter.help, language).replace("|", "\\|") in text
        for service in REGISTRY.services.values():
            for outcome in service.outcomes:
                assert f"| `{outcome}` |" in text

    def test_every_function_of_expressions_is_explained(self):
        assert bindings_module._FUNCTIONS.keys() == FUNCTIONS.keys()

    def test_units_stand_beside_quantities(self):
        assert "duration (ms, s, min, h, d)" in bindings_catalogue(REGISTRY, "en")

    def test_the_command_prints_it(self, capsys):
        assert main(["docs", "bindings", "--lang", "ko"]) == 0
        assert capsys.readouterr().out == bindings_catalogue(REGISTRY, "ko")


class TestExplaining:
    def test_a_code_with_its_example(self, capsys):
        assert main(["explain", "dead-end", "--lang", "en"]) == 0
        shown = capsys.readouterr().out
        for part in ("'…' is never left", "why:", "# engine: ignore[dead-end]", "wrong (example.yaml):", "right:"):
            assert part in shown
        assert "example.yaml:7:3: warning[dead-end]: 'fault' is never left" in shown

    def test_all_codes(self, capsys):
        assert main(["explain", "--lang", "ko"]) == 0
        assert "dead-end" in capsys.readouterr().out

    def test_a_code_that_is_misspelt(self, capsys):
        assert main(["explain", "deadend"]) == 1
        assert "did you mean 'dead-end'?" in capsys.readouterr().err

    def test_a_code_that_no_file_can_show(self, capsys):
        assert main(["explain", "binary-file", "--lang", "en"]) == 0
        assert "mend:" in capsys.readouterr().out
