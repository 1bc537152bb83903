"""site.yaml: the devices of a line and the ports they hang on; what is wrong with one is told at its place."""

import os

import pytest
from site_kit import SMALLEST, findings, with_device

from engine.errors import DiagnosticError
from engine.service.config import load_site
from engine.units import Quantity
from parsers import PROTOCOLS, LineSettings, ProtocolInfo


class TestDevices:
    def test_every_option(self, load):
        device = (
            "{port: COM3, protocol: [cas-10, rdm6300], baudrate: 2400, data_bits: 7, parity: even, stop_bits: 1.5,"
            " unit: g, filter: {spike: 5 kg, median: 3}, leave_after: 500 ms, silent_after: 1 min}"
        )
        (scale,) = load(with_device(device)).lines[0].devices.values()
        assert scale.protocol == ("cas-10", "rdm6300")
        noise = scale.filter
        assert (noise.spike, noise.median) == (Quantity(5, "kg"), 3)
        line = {"baudrate": 2400, "data_bits": 7, "parity": "E", "stop_bits": 1.5}
        assert scale.options() == {**line, "unit": "g", "filter": noise, "leave_after": 0.5, "silent_after": 60.0}

    @pytest.mark.parametrize(("written", "letter"), [("none", "N"), ("even", "E"), ("odd", "O")])
    def test_parity_is_written_out(self, load, written, letter):
        site = load(with_device(f"{{port: x, protocol: cas-22, parity: {written}}}"))
        assert site.lines[0].devices["scale"].parity == letter

    def test_a_signal_is_a_relay(self, load):
        site = load(SMALLEST.replace("devices: {", "devices: {signal: {port: COM9, channel: 2}, "))
        signal = site.lines[0].devices["signal"]
        assert (signal.port, signal.protocol, signal.channel) == ("COM9", ("lcus",), 2)

    @pytest.mark.parametrize(
        ("device", "code", "column"),
        [
            ("{port: x, protocol: cas22}", "unknown-protocol", 61),
            ("{port: x, protocol: [rdm6300, cas]}", "unknown-protocol", 71),
            ("{port: x, protocol: [cas-22, cas-10]}", "protocols-clash", 61),
            ("{port: x, protocol: [cas-22, cas-22]}", "not-unique", 70),
            ("{port: x, protocol: []}", "too-short", 61),
            ("{port: x, protocol: lcus}", "unknown-protocol", 61),
            ("{port: x}", "missing-key", 34),
            ("{protocol: cas-22}", "missing-key", 34),
            ("{port: 3, protocol: cas-22}", "needs-quotes", 48),
            ("{port: '', protocol: cas-22}", "too-short", 48),
            ("{port: x, protocol: cas-22, baudrate: fast}", "wrong-type", 79),
            ("{port: x, protocol: cas-22, baudrate: 10}", "too-small", 79),
            ("{port: x, protocol: cas-22, baudrate: 9600.5}", "wrong-type", 79),
            ("{port: x, protocol: cas-22, data_bits: 9}", "wrong-value", 80),
            ("{port: x, protocol: cas-22, parity: E}", "wrong-value", 77),
            ("{port: x, protocol: cas-22, stop_bits: 3}", "wrong-value", 80),
            ("{port: x, protocol: cas-22, unit: Kg}", "wrong-value", 75),
            ("{port: x, protocol: cas-22, filter: {spike: 5}}", "needs-unit", 85),
            ("{port: x, protocol: cas-22, filter: {spike: 5 s}}", "unknown-unit", 85),
            ("{port: x, protocol: cas-22, filter: {spike: 0 kg}}", "must-be-positive", 85),
            ("{port: x, protocol: cas-22, filter: {median: 4}}", "median-not-odd", 86),
            ("{port: x, protocol: cas-22, filter: {median: 0}}", "too-small", 86),
            ("{port: x, protocol: cas-22, leave_after: 2}", "needs-unit", 82),
            ("{port: x, protocol: cas-22, silent_after: 0 s}", "must-be-positive", 83),
            ("{port: x, protocol: cas-22, buadrate: 9600}", "unknown-key", 69),
            ("{port: x, protocol: cas-22, channel: 1}", "unknown-key", 69),
            ("COM3", "wrong-type", 41),
        ],
    )
    def test_what_can_be_wrong_with_a_device(self, wrong, device, code, column):
        assert wrong(with_device(device)) == [(code, 2, column)]

    @pytest.mark.parametrize(
        ("signal", "code"),
        [
            ("{port: x, protocol: cas-22}", "wrong-value"),
            ("{port: x, channel: 0}", "too-small"),
            ("{port: x, unit: kg}", "unknown-key"),
        ],
    )
    def test_what_can_be_wrong_with_a_signal(self, load, signal, code):
        text = SMALLEST.replace("devices: {", f"devices: {{signal: {signal}, ")
        assert [f.code for f in findings(load, text)] == [code]

    def test_protocols_that_differ_in_their_line_need_it_said(self, load, tmp_path):
        slow = ProtocolInfo(
            "slow", "", "scale", LineSettings(2400, data_bits=7, parity="E"), PROTOCOLS["cas-22"].factory
        )
        path = tmp_path / "site.yaml"
        path.write_text(with_device("{port: x, protocol: [slow, rdm6300], data_bits: 8}"), encoding="utf-8")
        with pytest.raises(DiagnosticError) as caught:
            load_site(path, {}, protocols={**PROTOCOLS, "slow": slow})
        told = [(f.code, f.params["key"], f.params["values"]) for f in caught.value.diagnostics]
        assert told == [
            ("line-setting-needed", "baudrate", ["slow 2400", "rdm6300 9600"]),
            ("line-setting-needed", "parity", ["slow E", "rdm6300 N"]),
        ]

    def test_a_guess_is_made_for_a_protocol(self, load):
        (finding,) = findings(load, with_device("{port: x, protocol: CAS22}"))
        assert (finding.params["guess"], finding.params["allowed"]) == ("cas-22", sorted(PROTOCOLS))


class TestPorts:
    TWO = """\
server: {{url: "http://h"}}
lines:
  - name: a
    devices:
      scale: {{port: {0}, protocol: cas-22}}
      rfid: {{port: {1}, protocol: rdm6300}}
  - name: b
    devices:
      scale: {{port: {2}, protocol: cas-22}}
"""

    def test_two_devices_cannot_share_a_port(self, load):
        (finding,) = findings(load, self.TWO.format("COM3", "COM4", "com3"))
        assert (finding.code, str(finding.position).rpartition("site.yaml:")[2]) == ("port-used-twice", "9:21")
        assert finding.params == {"port": "com3", "other": "a.scale"}
        assert finding.related[0][0].line == 5

    def test_not_even_on_one_line(self, wrong):
        assert wrong(self.TWO.format("/dev/x", "/dev/x", "/dev/y")) == [("port-used-twice", 6, 20)]

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
    def test_a_link_is_the_port_it_leads_to(self, wrong, tmp_path):
        (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
        names = (f"{tmp_path}/ttyUSB0", "COM4", f"{tmp_path}/by-id")
        assert wrong(self.TWO.format(*names)) == [("port-used-twice", 9, 21)]

    def test_every_loop_is_a_port_of_its_own(self, load):
        assert len(load(self.TWO.format("loop://", "loop://", "loop://")).lines) == 2

    def test_a_combined_device_is_one_device(self, load):
        site = load(with_device("{port: COM3, protocol: [cas-22, rdm6300]}"))
        assert site.lines[0].devices["scale"].protocol == ("cas-22", "rdm6300")
