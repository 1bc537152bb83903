"""What the tests of site.yaml share."""

import pytest
from site_kit import findings

from engine.service.config import SiteConfig, load_site


@pytest.fixture
def load(tmp_path):
    def load_text(text, **env) -> SiteConfig:
        path = tmp_path / "site.yaml"
        path.write_text(text, encoding="utf-8")
        return load_site(path, env)

    return load_text


@pytest.fixture
def wrong(load):
    """The findings about a text, as (code, line, column)."""

    def find(text, **env):
        return [(f.code, f.position.line, f.position.column) for f in findings(load, text, **env)]

    return find
