"""site.yaml: how a device's port is named, how it is asked, and whether its line is half-duplex."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.devices.device_id import encode_id
from engine.devices.settings import DeviceSettings
from engine.documents.render import render
from engine.errors import DiagnosticError, EngineError
from engine.service.config import load_site
from parsers import PROTOCOLS

SITE = """\
server: {{url: "http://127.0.0.1:8000"}}
lines:
  - name: dock-1
    devices:
      scale: {{{scale}}}
      rfid:  {{port: "usb:0403:6001:A1", protocol: rdm6300}}
"""
ASKED = {**PROTOCOLS, "asked": replace(PROTOCOLS["cas-22"], name="asked", ask=b"SI\r\n")}


@pytest.fixture
def load(tmp_path):
    def load_text(scale):
        path = tmp_path / "site.yaml"
        path.write_text(SITE.format(scale=scale), encoding="utf-8")
        return load_site(path, {}, protocols=ASKED)

    return load_text


def findings(load, scale):
    with pytest.raises(DiagnosticError) as refused:
        load(scale)
    return [finding.code for finding in refused.value.diagnostics]


@pytest.mark.parametrize(
    "port",
    ["/dev/serial/by-id/usb-FTDI_A1-if00-port0", "usb:1a86:7523", "usb-location:1-1.4", "rfc2217://10.0.0.2:4001"],
)
def test_a_port_may_be_named_by_what_stays(load, port):
    assert load(f'port: "{port}", protocol: cas-22').lines[0].devices["scale"].port == port


@pytest.mark.parametrize("port", ["usb:403:6001", "usb:0403", "usb-location:left"])
def test_a_name_that_only_begins_as_one_is_told_with_its_place(load, port):
    with pytest.raises(DiagnosticError) as refused:
        load(f'port: "{port}", protocol: cas-22')
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.position.line) == ("bad-port-name", 5)
    for language in ("en", "ko"):
        assert "usb-location:1-1.4" in render(finding, None, language)


def test_an_adapter_is_one_port_however_its_name_is_written(load):
    assert findings(load, 'port: "USB:0403:6001:a1", protocol: cas-22') == ["port-used-twice"]


def test_how_often_it_is_asked_and_its_half_duplex_line_reach_the_device(load):
    device = load("port: COM3, protocol: asked, poll: 500 ms, rs485: true").lines[0].devices["scale"]
    assert device.options() == {"poll": 0.5, "rs485": True}
    assert load("port: COM3, protocol: asked, poll: 0 s").lines[0].devices["scale"].options() == {"poll": 0.0}


def test_a_device_that_sends_by_itself_is_not_asked(load):
    assert findings(load, "port: COM3, protocol: cas-22, poll: 500 ms") == ["protocol-not-asked"]
    assert load("port: COM3, protocol: cas-22, poll: 0 s").lines[0].devices["scale"].poll == 0


@pytest.mark.parametrize("number", ["1", "10", "99", ":"])
def test_a_device_may_have_a_number(load, number):
    device = load(f'port: COM3, protocol: cas-22, id: "{number}"').lines[0].devices["scale"]
    assert device.options() == {"device_id": number}


def test_a_number_that_no_frame_can_carry_is_told(load):
    assert findings(load, 'port: COM3, protocol: cas-22, id: "A1"') == ["bad-device-id"]
    assert findings(load, 'port: COM3, protocol: cas-22, id: "100"') == ["bad-device-id"]
    assert findings(load, 'port: COM3, protocol: st-gs, id: "1"') == ["protocol-without-id"]


@pytest.mark.parametrize(
    ("text", "width", "encoded"),
    [
        ("1", 1, b"1"),
        ("10", 1, b":"),
        ("99", 1, b"\x93"),
        ("1", 2, b"01"),
        ("AB", 2, b"AB"),
        ("A", 2, None),
        ("①", 1, None),
    ],
)
def test_a_number_stands_in_a_frame_as_its_protocol_writes_it(text, width, encoded):
    assert encode_id(text, width) == encoded


def test_a_device_that_is_made_of_a_number_that_does_not_fit_is_refused():
    with pytest.raises(EngineError, match="'A1' is no id of a cas-22 device, which has 1 characters for it"):
        DeviceSettings("COM3", ("cas-22",), device_id="A1")
    with pytest.raises(EngineError, match="leave 'id' out"):
        DeviceSettings("COM3", ("st-gs",), device_id="1")


def test_a_line_behind_a_network_is_switched_by_its_server(load):
    assert findings(load, 'port: "socket://10.0.0.2:4001", protocol: cas-22, rs485: true') == ["rs485-over-network"]
    assert load('port: "socket://10.0.0.2:4001", protocol: cas-22, rs485: false')
