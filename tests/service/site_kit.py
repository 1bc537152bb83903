"""Site files for the tests of how they are read."""

import pytest

from engine.documents.render import render
from engine.errors import DiagnosticError

EXAMPLE = """\
site: 노량진 3번
server:    {url: "http://127.0.0.1:8000"}          # ws:// or wss:// is derived; tls: {ca, cert, key} optional
gateway:   {name: 노량진 3번, mac_address: auto}     # or "AA:BB:CC:DD:EE:01"
store:     {url: "sqlite:///ledger.sqlite"}         # relative to this file
lines:
  - name: dock-1
    chart: weighing                                 # a shipped chart by name, or a path
    settings: {min_weight: 50 g, stable_for: 1 s, tolerance: 20 g}
    devices:
      scale: {port: /dev/ttyUSB0, protocol: cas-22, baudrate: 19200}
      rfid:  {port: /dev/ttyUSB1, protocol: rdm6300}
sync:      {interval: 10 s}                         # a pending gateway asks again
upload:    {interval: 5 s}
heartbeat: {interval: 30 s}
stream:    {max_rate: 10 Hz}
units:     {weight: kg}                             # what is stored, uploaded and streamed
log:       {level: info, format: json}              # console | json
"""
SMALLEST = """\
server: {url: "https://hall.example.com/scales"}
lines: [{name: dock-1, devices: {scale: {port: COM3, protocol: cas-22}}}]
"""


def findings(load, text, **env):
    with pytest.raises(DiagnosticError) as caught:
        load(text, **env)
    for finding in caught.value.diagnostics:
        for language in ("en", "ko"):
            shown = render(finding, text.split("\n"), language)
            assert "{" not in render(finding, None, language).split("\n")[0].replace("${", "").replace("'{", ""), shown
    return caught.value.diagnostics


def with_device(device):
    return SMALLEST.replace("{port: COM3, protocol: cas-22}", device)
