"""Why a port did not open, in words that say how to mend it."""

from __future__ import annotations

import errno

import pytest
import serial
from serial.tools import list_ports

from engine.devices.port import FailureKind, PortSettings, available_ports, explain


def from_system(number):
    """As pyserial raises it on POSIX."""
    return serial.SerialException(number, f"could not open port COM3: [Errno {number}] ...")


def from_windows(text):
    """As pyserial raises it on Windows: the number is in the text alone."""
    return serial.SerialException(f"could not open port 'COM3': {text}")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (from_system(errno.ENOENT), FailureKind.MISSING, "does not exist"),
        (from_system(errno.ENXIO), FailureKind.MISSING, "does not exist"),
        (from_system(errno.EACCES), FailureKind.DENIED, "group"),
        (from_system(errno.EBUSY), FailureKind.BUSY, "in use"),
        (from_system(errno.EAGAIN), FailureKind.BUSY, "in use"),
        (from_system(errno.EISDIR), FailureKind.NOT_SERIAL, "not a serial port"),
        (from_windows("FileNotFoundError(2, '...', None, 2)"), FailureKind.MISSING, "does not exist"),
        (from_windows("PermissionError(13, 'Access is denied.', None, 5)"), FailureKind.BUSY, "in use"),
        (ValueError("Not a valid baudrate: -1"), FailureKind.OTHER, "Not a valid baudrate: -1"),
    ],
)
def test_each_failure_has_its_sentence(monkeypatch, error, kind, words):
    monkeypatch.setattr(list_ports, "comports", list)
    failure = explain(PortSettings("COM3"), error)
    assert failure.kind is kind
    assert words in failure.reason
    assert "COM3" in failure.reason


def test_a_machine_without_ports_says_so(monkeypatch):
    monkeypatch.setattr(list_ports, "comports", list)
    failure = explain(PortSettings("COM3"), from_system(errno.ENOENT))
    assert failure.reason == "port 'COM3' does not exist; no serial port is connected to this machine"


def test_a_device_that_leaves_while_the_ports_are_listed_breaks_nothing(monkeypatch):
    def comports():
        raise TypeError("int() can't convert non-string with explicit base")  # what sysfs without idVendor leads to

    monkeypatch.setattr(list_ports, "comports", comports)
    assert available_ports() == ()
