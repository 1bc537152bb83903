"""A site adds a scale with a profile beside its site.yaml, and hears of every mistake in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.validation.run import validate
from engine.devices.settings import DeviceSettings
from engine.errors import DiagnosticError
from engine.service.config import SiteConfig, load_site
from parsers import PROTOCOLS, registry

SITE = """\
server: {{url: "http://127.0.0.1:8000"}}
lines:
  - name: dock-1
    devices:
      scale: {{port: COM3, protocol: {protocol}}}
"""
PROFILE = """\
protocol: gate-scale
title: The scale at the gate
title_ko: 정문 저울
aliases: [gate-scale-2]
proven: false
line: {baudrate: 4800}
frame: {end: "\\r\\n"}
units: [kg]
shapes:
  - length: 11
    fields:
      value: {at: 1-7}
      unit: {at: 8-9}
golden:
  - {frame: "  12.34kg\\r\\n", value: 12.34, unit: kg}
"""
Write = Callable[..., SiteConfig]


@pytest.fixture(autouse=True)
def _forget_what_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_infos", "_added", "_aliases"):
        monkeypatch.setattr(registry._PROTOCOLS, name, dict(getattr(registry._PROTOCOLS, name)))


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write_and_load(protocol: str = "gate-scale", **files: str) -> SiteConfig:
        (tmp_path / "site.yaml").write_text(SITE.format(protocol=protocol), encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_site(tmp_path / "site.yaml", {})

    return write_and_load


def told(load: Write, protocol: str = "gate-scale", **files: str) -> list[tuple[str, str, int]]:
    with pytest.raises(DiagnosticError) as caught:
        load(protocol, **files)
    return [(one.code, Path(one.position.file).name, one.position.line) for one in caught.value.diagnostics]


@pytest.mark.parametrize("place", ["gate", "protocols__gate"])
def test_a_profile_beside_the_site_is_a_protocol_of_its_devices(load: Write, place: str) -> None:
    load(**{place: PROFILE})
    settings = DeviceSettings("COM3", ("gate-scale",))
    assert settings.port_settings().baudrate == 4800
    (reading,) = settings.make_parser().feed(b"  12.34kg\r\n")
    assert str(reading.value) == "12.34"  # type: ignore[union-attr]
    assert not PROTOCOLS["gate-scale"].is_proven


def test_an_alias_of_a_profile_may_be_named_as_well(load: Write) -> None:
    load("gate-scale-2", gate=PROFILE)
    assert DeviceSettings("COM3", ("gate-scale-2",)).make_parser().protocol == "gate-scale"


def test_a_site_that_is_read_again_has_its_changed_profile(load: Write) -> None:
    load(gate=PROFILE)
    load(gate=PROFILE.replace("baudrate: 4800", "baudrate: 2400"))
    assert PROTOCOLS["gate-scale"].line.baudrate == 2400


def test_a_misspelt_name_is_answered_with_the_profile_that_was_meant(load: Write) -> None:
    with pytest.raises(DiagnosticError) as caught:
        load("gate-scal", gate=PROFILE)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.params["guess"]) == ("unknown-protocol", "gate-scale")


def test_a_mistake_is_told_at_its_line_and_once(load: Write) -> None:
    assert told(load, gate=PROFILE.replace("value: 12.34", "value: 12.35")) == [
        ("profile-golden-differs", "gate.yaml", 15)
    ]
    assert told(load, gate=PROFILE.replace("at: 1-7", "at: 1-8")) == [("profile-overlap", "gate.yaml", 13)]
    assert told(load, gate=PROFILE.replace("units:", "unit:")) == [("unknown-key", "gate.yaml", 8)]
    assert told(load, gate=PROFILE + "  - {") == [("yaml-value-expected", "gate.yaml", 16)]


@pytest.mark.parametrize(("old", "new", "line"), [("gate-scale\n", "cas-22\n", 1), ("gate-scale-2", "tscale-nhb", 4)])
def test_the_name_of_a_shipped_protocol_is_taken(load: Write, old: str, new: str, line: int) -> None:
    assert told(load, "cas-22", gate=PROFILE.replace(old, new)) == [("protocol-name-taken", "gate.yaml", line)]


def test_two_profiles_of_one_name_are_told_with_both_places(load: Write) -> None:
    with pytest.raises(DiagnosticError) as caught:
        load(gate=PROFILE, yard=PROFILE.replace("aliases: [gate-scale-2]", "aliases: []"))
    (finding,) = caught.value.diagnostics
    assert Path(finding.position.file).name == "yard.yaml"
    assert [Path(place.file).name for place, _ in finding.related] == ["gate.yaml"]


def test_validate_checks_the_profiles_of_a_site_with_it(load: Write, tmp_path: Path) -> None:
    load(gate=PROFILE, protocols__yard=PROFILE.replace("gate-scale", "yard-scale"))
    report = validate([], None)
    assert report.findings == []
    assert {Path(name).name for name in report.files} == {"site.yaml", "gate.yaml", "yard.yaml"}
    (tmp_path / "gate.yaml").write_text(PROFILE.replace("12.34,", "1.234,"), encoding="utf-8")
    assert [one.code for one in validate([], None).findings] == ["profile-golden-differs"]
    assert [one.code for one in validate(["gate.yaml"], None).findings] == ["profile-golden-differs"]


def test_the_profiles_that_ship_are_valid() -> None:
    from engine.cli.generate.profiles import FOLDER

    report = validate([str(FOLDER)], None)
    assert report.findings == []
    assert len(report.files) > 30


def test_the_table_of_protocols_lists_what_ships_and_what_the_site_adds(
    load: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    load(gate=PROFILE)
    assert main(["docs", "protocols", "--lang", "ko"]) == 0
    table = capsys.readouterr().out
    assert "| `gate-scale` | 정문 저울 | 저울 | 4800 8N1 | 스스로 | **아직** | `gate-scale-2` |" in table
    assert all(f"| `{name}` |" in table for name in PROTOCOLS)
    assert main(["docs", "protocols", "--lang", "en"]) == 0
    assert "| `mt-sics` | Mettler Toledo MT-SICS | scale | 9600 8N1 | when asked | yes |" in capsys.readouterr().out


def test_the_profile_of_the_documentation_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "protocol-profiles.md").read_text(encoding="utf-8")
    path = tmp_path / "gate.yaml"
    path.write_text(text.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    report = validate([str(path)], None)
    assert (report.findings, report.files) == ([], [str(path)])
