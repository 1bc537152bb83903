"""Examples of what can be wrong with a site.yaml."""

from __future__ import annotations

from typing import Final

from engine.cli.examples.example import SITE, Example


def _lines(lines: str) -> Example:
    return Example(f'server: {{url: "http://127.0.0.1:8000"}}\nlines:\n{lines}', SITE)


_LINE: Final = """\
lines:
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22}
"""
_CHART: Final = """\
chart: example
settings: {pause: {type: duration}}  # engine: ignore[setting-without-default] every site has another one
initial: idle
states:
  idle: {after: {"${settings.pause}": busy}}
  busy: {after: {3 s: idle}}
"""

EXAMPLES: Final[dict[str, Example]] = {
    "bad-url": Example('server: {url: "‹192.168.0.10¦http://192.168.0.10›:8000"}\n' + _LINE, SITE),
    "bad-store-url": Example(
        'server: {url: "http://127.0.0.1:8000"}\nstore: {url: "sqlite:‹¦///›ledger.sqlite"}\n' + _LINE, SITE
    ),
    "tls-without-https": Example(
        'server: {url: "‹http¦https›://hall.example.com", tls: {ca: hall.pem}}\n' + _LINE,
        SITE,
        beside={"hall.pem": "-----BEGIN CERTIFICATE-----\n"},
    ),
    "needs-key": Example(
        'server: {url: "https://hall.example.com", tls: {‹¦cert: ours.pem, ›key: ours.key}}\n' + _LINE,
        SITE,
        beside={"ours.pem": "-----BEGIN CERTIFICATE-----\n", "ours.key": "-----BEGIN PRIVATE KEY-----\n"},
    ),
    "environment-missing": Example('server: {url: "‹${HALL_SERVER}¦http://127.0.0.1:8000›"}\n' + _LINE, SITE),
    "environment-syntax": Example('server: {url: "‹${hall server}¦http://127.0.0.1:8000›"}\n' + _LINE, SITE),
    "must-be-positive": Example(
        'server: {url: "http://127.0.0.1:8000"}\nstream: {max_rate: ‹0 Hz¦10 Hz›}\n' + _LINE, SITE
    ),
    "upload-field-taken": Example(
        'server: {url: "http://127.0.0.1:8000"}\nupload: {fields: {‹weight¦shown›: weight_text}}\n' + _LINE, SITE
    ),
    "unknown-upload-source": Example(
        'server: {url: "http://127.0.0.1:8000"}\nupload: {fields: {dock: ‹lien¦line›}}\n' + _LINE, SITE
    ),
    "duplicate-line": _lines("""\
  - name: dock-1
    devices: {scale: {port: COM3, protocol: cas-22}}
  - name: dock-‹1¦2›
    devices: {scale: {port: COM4, protocol: cas-22}}
"""),
    "port-used-twice": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22}
      reader: {port: COM‹3¦4›, protocol: rdm6300}
"""),
    "unknown-protocol": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: ‹cas22x¦cas-22›}
"""),
    "protocols-clash": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: [cas-22, ‹cas-10¦rdm6300›], baudrate: 9600}
"""),
    "line-setting-needed": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: [and-std, rdm6300]‹¦, baudrate: 2400, data_bits: 7, parity: even›}
"""),
    "not-unique": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: [cas-22, ‹cas-22¦rdm6300›], baudrate: 9600}
"""),
    "bad-port-name": _lines("""\
  - name: dock-1
    devices:
      scale: {port: "‹usb:403:6001¦usb:0403:6001›", protocol: cas-22}
"""),
    "protocol-without-id": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: st-gs‹, id: "1"¦›}
"""),
    "bad-device-id": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22, id: "‹A1¦1›"}
"""),
    "protocol-not-asked": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22‹, poll: 200 ms¦›}
"""),
    "terminal-needed": _lines("""\
  - name: dock-1
    chart: terminal-weighing
    devices:
      ‹scale: {port: COM3, protocol: cas-22}¦terminal: {port: COM3, protocol: suwol-1000}›
"""),
    "terminal-poll-range": _lines("""\
  - name: dock-1
    chart: terminal-weighing
    devices:
      terminal: {port: COM3, protocol: suwol-1000, poll: ‹1 s¦150 ms›}
"""),
    "rs485-over-network": _lines("""\
  - name: dock-1
    devices:
      scale: {port: "socket://192.168.0.20:4001", protocol: cas-22‹, rs485: true¦›}
"""),
    "median-not-odd": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22, filter: {median: ‹4¦5›}}
"""),
    "too-large": _lines("""\
  - name: dock-1
    devices:
      scale: {port: COM3, protocol: cas-22}
      signal: {port: COM4, channel: ‹40¦4›}
"""),
    "reserved-name": _lines("""\
  - name: ‹upload¦dock-1›
    devices:
      scale: {port: COM3, protocol: cas-22}
"""),
    "setting-needed": Example(
        """\
server: {url: "http://127.0.0.1:8000"}
lines:
  - name: dock-1
    chart: ./example.yaml
    settings: {‹¦pause: 2 s›}
    devices:
      scale: {port: COM3, protocol: cas-22}
""",
        SITE,
        beside={"example.yaml": _CHART},
    ),
}
