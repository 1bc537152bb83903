"""Where site.yaml is looked for, and where the charts that it names are."""

from pathlib import Path

import pytest
from site_kit import SMALLEST, findings

from engine.documents.render import render
from engine.errors import DiagnosticError
from engine.service.config import find_site, load_site


class TestCharts:
    def line(self, chart):
        return SMALLEST.replace("name: dock-1,", f"name: dock-1, chart: {chart},")

    def test_a_chart_of_ones_own_is_found_beside_the_file(self, load, tmp_path):
        (tmp_path / "tare.yaml").touch()
        assert load(self.line("tare.yaml")).lines[0].chart == tmp_path / "tare.yaml"
        assert load(self.line("./tare.yaml")).lines[0].chart == tmp_path / "tare.yaml"
        assert load(self.line(f"'{tmp_path / 'tare.yaml'}'")).lines[0].chart == tmp_path / "tare.yaml"

    def test_one_that_is_not_there(self, wrong):
        assert wrong(self.line("./tare.yaml")) == [("referenced-file-missing", 2, 31)]

    def test_an_unknown_name_gets_a_guess(self, load):
        (finding,) = findings(load, self.line("wieghing"))
        assert (finding.code, finding.params["guess"]) == ("unknown-chart", "weighing")
        assert "weighing" in finding.params["known"]

    def test_what_ships_can_be_handed_in(self, tmp_path):
        (tmp_path / "site.yaml").write_text(self.line("other"), encoding="utf-8")
        assert load_site(tmp_path / "site.yaml", {}, charts=["other"]).lines[0].chart == "other"


class TestFinding:
    @pytest.fixture
    def places(self, tmp_path, monkeypatch):
        work, user, system = (tmp_path / name for name in ("work", "user", "system"))
        for folder in (work, user / "scaleledger", system / "scaleledger"):
            folder.mkdir(parents=True)
        monkeypatch.chdir(work)

        class Folders:
            def __init__(self, *_args, **_kwargs):
                pass

            def iter_config_paths(self):
                return iter([user / "scaleledger", system / "scaleledger"])

        monkeypatch.setattr("platformdirs.PlatformDirs", Folders)
        return [Path("site.yaml"), user / "scaleledger" / "site.yaml", system / "scaleledger" / "site.yaml"]

    def test_the_nearest_is_taken(self, places):
        for place in reversed(places):
            place.write_text(SMALLEST, encoding="utf-8")
            assert find_site(None) == place

    def test_the_one_that_is_named_is_taken_and_no_other(self, places):
        places[0].write_text(SMALLEST, encoding="utf-8")
        with pytest.raises(DiagnosticError) as caught:
            load_site(Path("other.yaml"), {})
        assert [(f.code, f.position.file) for f in caught.value.diagnostics] == [("file-missing", "other.yaml")]

    def test_when_there_is_none_every_place_is_named(self, places):
        with pytest.raises(DiagnosticError) as caught:
            load_site(None, {})
        shown = render(caught.value.diagnostics[0], None)
        for place in places:
            assert str(place) in shown
        assert "engine run --config" in shown

    def test_the_folders_of_the_platform_are_asked(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
        with pytest.raises(DiagnosticError) as caught:
            find_site(None)
        assert str(Path("scaleledger") / "site.yaml") in str(caught.value.diagnostics[0].params["places"])

    def test_a_relative_path_gives_an_absolute_base(self, places):
        places[0].write_text(SMALLEST, encoding="utf-8")
        site = load_site(None, {})
        assert (site.path, site.base_dir) == (Path("site.yaml"), Path.cwd())
        assert site.lines[0].position.file == "site.yaml"
