"""Drivers: checked before anything runs, loaded from their own folder only, and never able to hold the cleanup up."""

import asyncio
import sys
import threading

import pytest
from sequence_kit import HEAD, codes, problem, write_package

from engine.clock import SystemClock
from engine.sequence.bench import Bench, HardwareError
from engine.sequence.faults import FaultError, FaultKind, parse_fault
from engine.sequence.interfaces import ArgumentError
from engine.sequence.local import LocalResources, MemoryRecorder, ReadyOperator
from engine.sequence.package import load_package
from engine.sequence.records import Verdict
from engine.sequence.run import SequenceRun
from engine.units import Quantity

CALL = "- {name: one, call: psu.on}"


@pytest.mark.parametrize(
    ("step", "code", "where"),
    [
        ("- {name: one, call: pus.on}", "unknown-hardware", (5, 23)),
        ("- {name: one, call: psu.onn}", "unknown-command", (5, 23)),
        ("- {name: one, call: psu.close}", "unknown-command", (5, 23)),  # the executor's business
        ("- {name: one, call: psu.on, with: {volts: 1}}", "unknown-argument", (5, 38)),
        ("- {name: one, call: psu.on, with: {voltage: high}}", "argument-type", (5, 47)),
        ("- {name: one, call: psu.on, with: {voltage: true}}", "argument-type", (5, 47)),
        ("- {name: one, call: psu.read, with: {name: 12}}", "argument-type", (5, 46)),
        ('- {name: one, call: psu.on, with: {voltage: "${parameters.text}"}}', "argument-type", (5, 47)),
        ('- {name: one, call: psu.on, with: {voltage: "${parameters.txt}"}}', "unknown-name", (5, 50)),
        ("- {name: one, call: psu.on, when: settings.text == 'x'}", "not-allowed", (5, 37)),
    ],
)
def test_a_call_that_does_not_fit_its_driver_is_told_with_its_place(tmp_path, step, code, where):
    head = HEAD + "parameters: {text: {type: text, default: x}}\n"
    head = head.replace("version: 1.0.0\n", "")
    write_package(tmp_path, step, head=head)
    found = problem(tmp_path)
    assert found.code == code
    assert (found.position.line, found.position.column) == where


def test_a_required_argument_must_be_given(tmp_path):
    driver = "class Psu:\n    def on(self, voltage: float) -> None: ...\nclass PsuSim(Psu): ...\n"
    write_package(tmp_path, CALL, driver=driver, cleanup="")
    assert problem(tmp_path).code == "missing-argument"


@pytest.mark.parametrize(
    ("driver", "code"),
    [
        ("drivers.psu:Pus", "unknown-driver"),
        ("drivers.pus:Psu", "driver-module-missing"),
        ("drivers.psu", "driver-form"),
        ("../drivers.psu:Psu", "driver-form"),
        ("os:system", "driver-module-missing"),
        ("skale", "unknown-device"),
        ("drivers.psu:CALLS", "unknown-driver"),
    ],
)
def test_a_driver_that_is_not_there_is_told(tmp_path, driver, code):
    written = {"drivers.psu": "psu"}.get(driver, driver)
    write_package(tmp_path, CALL, head=HEAD.replace("drivers.psu:Psu", driver), cleanup="")
    found = problem(tmp_path)
    assert found.code == ("unknown-device" if written == "psu" else code)
    assert (found.position.line, found.position.column) == (3, 26)


def test_a_module_that_cannot_be_read_is_told_and_python_goes_on(tmp_path):
    for text, reason in (
        ("def (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import drivers.psu", "ModuleNotFound"),
    ):
        write_package(tmp_path, CALL, driver=text, cleanup="")
        found = problem(tmp_path)
        assert found.code == "driver-broken"
        assert found.params["reason"].startswith(reason)


def test_a_package_is_loaded_from_its_own_folder_only(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "psu.py").write_text("class Psu:\n    def on(self) -> None: ...\n", encoding="utf-8")
    package = write_package(tmp_path / "package", CALL, cleanup="")
    (package / "drivers" / "psu.py").unlink()
    (package / "drivers" / "psu.py").symlink_to(outside / "psu.py")
    assert codes(package) == ["driver-outside"]
    (package / "drivers" / "psu.py").unlink()
    (package / "drivers").rmdir()
    (package / "drivers").symlink_to(outside, target_is_directory=True)
    assert codes(package) == ["driver-outside"]


@pytest.mark.parametrize("path", ["../steps.yaml", "/etc/hostname", "link.yaml"])
def test_no_include_leads_out_of_the_package(tmp_path, path):
    (tmp_path / "steps.yaml").write_text("steps:\n  - {name: x, call: psu.on}\n", encoding="utf-8")
    package = write_package(tmp_path / "package", f"- {{include: {path}}}")
    (package / "link.yaml").symlink_to(tmp_path / "steps.yaml")
    assert codes(package) == ["path-outside"]


def test_two_packages_have_drivers_of_one_name_and_the_path_stays_as_it_was(tmp_path):
    before = list(sys.path)
    for name in ("a", "b"):
        bus = f"NAME = '{name}'\n"
        driver = (
            "from .bus import NAME\nclass Psu:\n    def on(self) -> str:\n        return NAME\nclass PsuSim(Psu): ...\n"
        )
        write_package(tmp_path / name, CALL, driver=driver, cleanup="")
        (tmp_path / name / "drivers" / "bus.py").write_text(bus, encoding="utf-8")
    classes = [load_package(tmp_path / name).hardware["psu"].interface.make for name in ("a", "b")]
    assert [one().on() for one in classes] == ["a", "b"]
    assert sys.path == before
    assert "drivers" not in sys.modules
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_driver_that_was_changed_is_read_again(tmp_path):
    for word in ("old", "new"):
        driver = f"class Psu:\n    def on(self) -> str:\n        return '{word}'\nclass PsuSim(Psu): ...\n"
        write_package(tmp_path, CALL, driver=driver, cleanup="")
        assert load_package(tmp_path).hardware["psu"].interface.make().on() == word


def test_a_configuration_must_fit_the_constructor(tmp_path):
    head = HEAD.replace('"drivers.psu:Psu"', '"drivers.psu:Psu", config: {%s}')
    for config, code in (
        ("prt: COM3", "unknown-argument"),
        ("port: 3", "argument-type"),
        ("port: {type: int}", "argument-type"),
    ):
        write_package(tmp_path, CALL, head=head % config)
        assert problem(tmp_path).code == code
    write_package(tmp_path, CALL, head=head % "port: {type: text}")
    assert codes(tmp_path) == []


def test_faults_are_read_as_they_are_written():
    fault = parse_fault("psu.on=drift:0.05@3")
    assert (fault.hardware, fault.command, fault.kind, fault.amount, fault.at) == (
        "psu",
        "on",
        FaultKind.DRIFT,
        0.05,
        3,
    )
    assert parse_fault("psu.*=crash%5").chance == pytest.approx(0.05)
    for wrong in ("psu=hang", "psu.on", "psu.on=melt", "psu.on=drift:1.2.3", ""):
        with pytest.raises(FaultError):
            parse_fault(wrong)


# Calls, with real threads ---------------------------------------------------------------------------------------------

SYNC = """
from __future__ import annotations
import threading
GO = threading.Event()
CALLS = []
THREADS = set()
class Psu:
    def __init__(self, port: str) -> None:
        CALLS.append(f"open {port}")
        THREADS.add(threading.current_thread().name)
    def on(self, voltage: float = 5.0, steps: int = 1) -> str:
        THREADS.add(threading.current_thread().name)
        CALLS.append(f"on {voltage!r} {steps!r}")
        return "done"
    def block(self) -> None:
        CALLS.append("block")
        GO.wait(20)
        CALLS.append("unblocked")
    def off(self) -> None:
        CALLS.append("off")
    def close(self) -> None:
        CALLS.append("close")
class PsuSim(Psu):
    def __init__(self, port: str = "sim") -> None:
        super().__init__(port)
"""
PORT = HEAD.replace('"drivers.psu:Psu"', '"drivers.psu:Psu", config: {port: {type: text}}')


def sync_package(tmp_path, steps=CALL):
    package = load_package(write_package(tmp_path, steps, head=PORT, driver=SYNC))
    module = sys.modules[package.hardware["psu"].interface.make.__module__]
    module.CALLS.clear()
    module.GO.clear()
    return package, module


def test_a_plain_driver_is_called_on_one_thread_of_its_own_and_closed_at_the_end(tmp_path):
    package, module = sync_package(tmp_path)

    async def scenario():
        bench = Bench(package.hardware, config={"psu": {"port": "COM3"}})
        assert await bench.call("psu", "on", {"voltage": 12}) == "done"
        assert await bench.call("psu", "on", {"steps": 2}) == "done"
        with pytest.raises(ArgumentError, match="takes int"):
            await bench.call("psu", "on", {"steps": 1.5})
        with pytest.raises(ArgumentError, match="takes no 'volts'"):
            await bench.call("psu", "on", {"volts": 1})
        with pytest.raises(HardwareError, match="has no command 'onn'"):
            await bench.call("psu", "onn", {})
        with pytest.raises(HardwareError, match="no hardware 'dmm'"):
            await bench.call("dmm", "on", {})
        await bench.close()

    asyncio.run(scenario())
    assert module.CALLS == ["open COM3", "on 12.0 1", "on 5.0 2", "close"]
    assert {"driver:psu"} == module.THREADS
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "driver:psu")


def test_what_a_batch_must_give_is_asked_for(tmp_path):
    package, _ = sync_package(tmp_path)

    async def scenario():
        with pytest.raises(HardwareError, match="needs 'port'"):
            await Bench(package.hardware).call("psu", "on", {})
        await Bench(package.hardware, simulate=True).call("psu", "on", {})  # its twin needs none

    asyncio.run(scenario())
    with pytest.raises(HardwareError, match="simulated hardware only"):
        Bench(package.hardware, faults=[parse_fault("psu.on=hang")])
    with pytest.raises(HardwareError, match="no such hardware"):
        Bench(package.hardware, simulate=True, faults=[parse_fault("dmm.on=hang")])


def test_a_blocked_call_gets_its_cancel_time_and_the_cleanup_a_fresh_handle(tmp_path):
    package, module = sync_package(tmp_path, "- {name: stuck, call: psu.block, timeout: 100 ms, cancel: 100 ms}")

    async def scenario():
        recorder = MemoryRecorder()
        bench = Bench(package.hardware, simulate=True)
        run = SequenceRun(package, {}, bench, recorder, ReadyOperator(), LocalResources(), SystemClock())
        record = await run.run()
        assert run.needs_new_process
        with pytest.raises(HardwareError, match="left behind"):
            await bench.call("psu", "on", {})
        await bench.close()
        module.GO.set()
        return record, recorder

    record, recorder = asyncio.run(scenario())
    assert record.verdict is Verdict.ERROR
    assert record.duration < 5
    assert [step.verdict.value for step in recorder.steps] == ["error", "pass"]
    assert module.CALLS[:5] == ["open sim", "block", "open sim", "off", "close"]


def test_a_call_that_ends_within_its_cancel_time_is_waited_for(tmp_path):
    package, module = sync_package(tmp_path, "- {name: stuck, call: psu.block, timeout: 50 ms, cancel: 10 s}")

    async def scenario():
        bench = Bench(package.hardware, simulate=True)
        run = SequenceRun(package, {}, bench, MemoryRecorder(), ReadyOperator(), LocalResources(), SystemClock())
        asyncio.get_running_loop().call_later(0.2, module.GO.set)
        await run.run()
        await bench.close()
        assert not run.needs_new_process

    asyncio.run(scenario())
    assert module.CALLS == ["open sim", "block", "unblocked", "off", "close"]


ODD = """
from __future__ import annotations
import asyncio
class Psu:
    async def cancels(self) -> None:
        raise asyncio.CancelledError
    async def exits(self) -> None:
        raise SystemExit(3)
    def leaves(self) -> None:
        raise SystemExit(3)
    def stops(self) -> None:
        raise StopIteration
class PsuSim(Psu): ...
"""


@pytest.mark.parametrize("command", ["cancels", "exits", "leaves", "stops"])
def test_whatever_a_driver_raises_ends_its_call_alone(tmp_path, command):
    package = load_package(write_package(tmp_path, f"- {{name: odd, call: psu.{command}}}", driver=ODD, cleanup=""))

    async def scenario():
        recorder = MemoryRecorder()
        bench = Bench(package.hardware, simulate=True)
        run = SequenceRun(package, {}, bench, recorder, ReadyOperator(), LocalResources(), SystemClock())
        await asyncio.wait_for(run.run(), 10)
        await bench.close()
        assert not run.needs_new_process
        return recorder.steps[0]

    assert asyncio.run(scenario()).verdict is Verdict.ERROR


def test_a_drift_changes_what_is_measured(tmp_path):
    package = load_package("scale_check")

    async def scenario():
        bench = Bench(package.hardware, simulate=True, faults=[parse_fault("dmm.read=drift:0.5")])
        return await bench.call("dmm", "read", {})

    weight = asyncio.run(scenario())
    assert isinstance(weight, Quantity)
    assert float(weight.value) == pytest.approx(1.5, abs=0.1)


def test_a_device_needs_somebody_who_can_open_it():
    package = load_package("scale_check")
    opened = []

    class Scale:
        async def read(self, *, stable=True):
            return Quantity("1.0001", "kg")

    def factory(kind, name, config):
        opened.append((kind, name, dict(config)))
        return Scale()

    async def scenario():
        with pytest.raises(HardwareError, match="nobody here can open one"):
            await Bench(package.hardware, config={"dmm": {"port": "COM3"}}).call("dmm", "read", {})
        bench = Bench(package.hardware, config={"dmm": {"port": "COM3"}}, devices=factory)
        return await bench.call("dmm", "read", {})

    assert str(asyncio.run(scenario())) == "1.0001 kg"
    assert opened == [("scale", "dmm", {"protocol": "mt-sics", "port": "COM3"})]
