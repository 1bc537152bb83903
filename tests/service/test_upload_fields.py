"""upload.fields of site.yaml: read as written; what cannot be is told at its place, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.documents.source import load_yaml
from engine.errors import Diagnostic, DiagnosticError
from engine.service.config import SiteConfig, load_site
from engine.service.gateway import Gateway
from engine.service.upload_fields import check_upload_extras

SITE = """\
server: {url: "http://127.0.0.1:8000"}
lines: [{name: dock-1, chart: CHART, devices: {scale: {port: COM3, protocol: cas-22}}}]
upload: {fields: FIELDS}
"""
CHART = """\
chart: own
initial: saving
states:
  saving:
    initial: first
    states:
      first:
        invoke:
          service: store.save_record
          with: {id: "${new_id()}", rfid_uid: A1, weight: 3 kg, measured_at: "${now()}", extra: EXTRA}
          timeout: 5 s
          on: {saved: second, full: second, error: second, timeout: second}
      second: {type: final}
"""


def site(folder: Path, fields: str, *, chart: str = "weighing", extra: str = "{}") -> SiteConfig:
    (folder / "own.yaml").write_text(CHART.replace("EXTRA", extra), encoding="utf-8")
    path = folder / "site.yaml"
    path.write_text(SITE.replace("FIELDS", fields).replace("CHART", chart), encoding="utf-8")
    return load_site(path, {"GATE": "line"})


def refused(folder: Path, fields: str) -> list[Diagnostic]:
    with pytest.raises(DiagnosticError) as caught:
        site(folder, fields)
    return list(caught.value.diagnostics)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("{}", {}),
        ("{gate: line, seq: sequence}", {"gate": "line", "seq": "sequence"}),
        ("{gross: extra.gross, 총중량: extra.총중량}", {"gross": "extra.gross", "총중량": "extra.총중량"}),
        ('{gate: "${GATE}"}', {"gate": "line"}),
    ],
)
def test_the_fields_are_what_the_site_says(tmp_path: Path, fields: str, expected: dict[str, str]) -> None:
    assert site(tmp_path, fields).upload_fields == expected


@pytest.mark.parametrize(
    ("fields", "code", "column", "guess"),
    [
        ("{gate: lien}", "unknown-upload-source", 25, "line"),
        ("{version: chart_versoin}", "unknown-upload-source", 28, "chart_version"),
        ("{gross: gross}", "unknown-upload-source", 26, ""),
        ("{gross: extra.}", "unknown-upload-source", 26, ""),
        ("{gross: extra}", "unknown-upload-source", 26, ""),
        ("{weight: weight_text}", "upload-field-taken", 19, None),
        ("{uuid: sequence}", "upload-field-taken", 19, None),
        ("{gate: 3}", "needs-quotes", 25, None),
        ('{"the gate": line}', "wrong-key-name", 19, None),
        ("[line]", "wrong-type", 18, None),
    ],
)
def test_what_cannot_be_uploaded_is_told(
    tmp_path: Path, fields: str, code: str, column: int, guess: str | None
) -> None:
    [found] = refused(tmp_path, fields)
    assert (found.code, found.position.line, found.position.column) == (code, 3, column)
    assert found.params.get("guess") == guess or guess is None


# With the charts of the site ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "source", "guess"),
    [
        ("{gross: 3 kg, tare: 1 kg}", "extra.gros", "extra.gross"),
        ("{gross: 3 kg}", "extra.plate", ""),
        ("{}", "extra.gross", ""),
    ],
)
def test_a_service_whose_charts_never_save_a_field_does_not_start(
    tmp_path: Path, extra: str, source: str, guess: str
) -> None:
    with pytest.raises(DiagnosticError) as caught:
        Gateway(site(tmp_path, f"{{x: {source}}}", chart="./own.yaml", extra=extra))
    [found] = caught.value.diagnostics
    assert (found.code, found.params["guess"]) == ("unknown-upload-source", guess)
    assert (found.position.line, found.position.column) == (3, 22)


@pytest.mark.parametrize("extra", ["{gross: 3 kg}", '"${{}}"', '"${data.extra}"'])
def test_a_field_that_is_saved_or_may_be_is_fine(tmp_path: Path, extra: str) -> None:
    upload = load_yaml("upload: {fields: {x: extra.gross}}\n").root.section("upload")
    chart = load_yaml(CHART.replace("EXTRA", extra)).root
    shipped = load_yaml(Path("machines/weighing.yaml")).root
    assert list(check_upload_extras(upload, [shipped, chart])) == []


def test_what_a_child_chart_saves_is_not_known_beforehand() -> None:
    upload = load_yaml("upload: {fields: {x: extra.gross}}\n").root.section("upload")
    chart = load_yaml("states: {a: {invoke: [{service: store.recall}, {chart: ./child.yaml}]}}\n").root
    assert list(check_upload_extras(upload, [chart])) == []


def test_a_gateway_whose_chart_saves_it_is_made(tmp_path: Path) -> None:
    fields = "{gross_weight: extra.gross, gate: line}"
    made = Gateway(site(tmp_path, fields, chart="./own.yaml", extra="{gross: 3 kg}"))
    assert made.site.upload_fields == {"gross_weight": "extra.gross", "gate": "line"}
