"""``engine ports``: what is here, for people and for programs, also when nothing is."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from engine.cli.main import main
from engine.devices.inventory import site_line
from engine.documents.source import load_yaml


@pytest.fixture
def here(monkeypatch):
    ports = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(ports))
    return ports


ADAPTER = SimpleNamespace(
    device="/dev/ttyUSB7",
    vid=0x0403,
    pid=0x6001,
    serial_number="A10KQ5F2",
    location="1-1.4",
    manufacturer="FTDI",
    product="[red] FT232R",
)


def test_without_a_port_it_says_so(here, capsys):
    assert main(["ports"]) == 0
    assert capsys.readouterr().out == "no serial port is connected to this machine\n"
    assert main(["ports", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_program_gets_everything_that_is_known(here, capsys):
    here.append(ADAPTER)
    assert main(["ports", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "device": "/dev/ttyUSB7",
            "by_id": None,
            "usb": "usb:0403:6001:A10KQ5F2",
            "vid": "0403",
            "pid": "6001",
            "serial_number": "A10KQ5F2",
            "location": "1-1.4",
            "manufacturer": "FTDI",
            "product": "[red] FT232R",
            "used_by": None,
            "site": "port: usb:0403:6001:A10KQ5F2",
        }
    ]


def test_a_pipe_gets_plain_columns_and_a_terminal_a_table(here, capsys, monkeypatch):
    here += [ADAPTER, SimpleNamespace(device="/dev/ttyS0")]
    assert main(["ports"]) == 0
    head, _, first = capsys.readouterr().out.splitlines()
    assert head.split("\t")[0] == "port"
    assert first.split("\t")[1:4] == ["FTDI [red] FT232R", "usb:0403:6001:A10KQ5F2", "1-1.4"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["ports"]) == 0
    shown = capsys.readouterr().out
    assert "port: usb:0403:6001:A10KQ5F2" in shown
    assert "[red]" in shown
    assert "port: /dev/ttyS0" in shown


@pytest.mark.parametrize(
    "name", ["/dev/ttyUSB0", "usb:0403:6001:A B", "usb:0403:6001:x, y}", "usb:0403:6001:#", "COM3"]
)
def test_what_is_to_be_pasted_is_yaml(name):
    assert load_yaml(f"{{{site_line(name)}, protocol: cas-22}}".encode()).root["port"] == name
