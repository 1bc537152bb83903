"""What is wrong with a site.yaml is told on standard error, with its place and how to mend it, and the service ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from process_kit import WITHIN_S, environment

SITE = """\
site: 노량진 3번
server:    {url: "http://127.0.0.1:9"}
gateway:   {name: 노량진 3번, mac_address: "AA:BB:CC:DD:EE:01"}
store:     {url: "sqlite:///ledger.sqlite"}
lines:
  - name: dock-1
    chart: weighing
    settings: {min_weight: 50 g}
    devices:
      scale: {port: /dev/ttyUSB0, protocol: cas-22, baudrate: 19200}
      rfid:  {port: /dev/ttyUSB1, protocol: rdm6300}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            None,
            ["site.yaml:1:1: error[no-site]: no site.yaml found; looked for: ./site.yaml, ", "mend: write one"],
            id="there is none",
        ),
        pytest.param(
            SITE.replace("server: ", "sever: ").replace("devices:", "device:"),
            [
                "site.yaml:2:1: error[unknown-key]: 'sever' is not a key here; did you mean 'server'?\n",
                '    2 | sever:    {url: "http://127.0.0.1:9"}\n      | ^\n',
                "site.yaml:9:5: error[unknown-key]: 'device' is not a key here; did you mean 'devices'?\n",
                "mend: keys here are: ",
            ],
            id="misspelt keys",
        ),
        pytest.param(
            SITE.replace("cas-22", "cas22"),
            [
                "site.yaml:10:45: error[unknown-protocol]: no protocol is called 'cas22'; did you mean 'cas-22'?\n",
                "mend: protocols are: and-std, ",
            ],
            id="an unknown protocol",
        ),
        pytest.param(
            SITE.replace("chart: weighing", "chart: wieghing"),
            [
                "site.yaml:7:12: error[unknown-chart]: no chart is called 'wieghing'; did you mean 'weighing'?\n",
                "mend: shipped charts are: ",
            ],
            id="an unknown chart",
        ),
        pytest.param(
            SITE.replace("min_weight", "min_wieght"),
            [
                "site.yaml:8:16: error[unknown-setting]: no setting or parameter is called 'min_wieght'; ",
                "did you mean 'min_weight'?",
                "mend: there are: commit_retry, ",
            ],
            id="an unknown setting",
        ),
    ],
)
def test_a_site_file_that_cannot_be_used_is_diagnosed(tmp_path: Path, text: str | None, said: list[str]) -> None:
    if text is not None:
        (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "engine", "run"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        encoding="utf-8",
        timeout=WITHIN_S,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    for sentence in said:
        assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    left = {path.name for path in tmp_path.iterdir()} - {"site.yaml"}
    assert left == set(), "a service that cannot start leaves nothing behind"
