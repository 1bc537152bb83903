"""Checks the ``hw.call`` of a full chart: what is written out there must exist, as in the steps of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Seq, Value
from engine.errors import Diagnostic
from engine.sequence.interfaces import Interface
from engine.sequence.model import Hardware


def check_calls(root: Value, hardware: Mapping[str, Hardware], known: frozenset[str]) -> Iterator[Diagnostic]:
    """What is wrong with the calls anywhere in a chart; ``known``: also hardware whose driver could not be had."""
    if isinstance(root, Seq):
        for item in root:
            yield from check_calls(item, hardware, known)
    elif isinstance(root, Map):
        if root.get("service") == "hw.call":
            yield from _check(root.section("with"), hardware, known)
        for item in root.values():
            yield from check_calls(item, hardware, known)


def _check(given: Map, hardware: Mapping[str, Hardware], known: frozenset[str]) -> Iterator[Diagnostic]:
    name, command = given.text("hardware"), given.text("command")
    if name is None or "${" in name:
        return
    if name not in known:
        params = {"name": name, "guess": did_you_mean(name, known) or "", "known": sorted(known)}
        yield Diagnostic("unknown-hardware", given.at("hardware"), params)
        return
    if name not in hardware or command is None or "${" in command:
        return
    interface: Interface = hardware[name].interface
    signature = interface.commands.get(command)
    if signature is None:
        commands = sorted(interface.commands)
        guess = did_you_mean(command, commands) or ""
        params = {"name": command, "driver": hardware[name].driver, "guess": guess, "known": commands}
        yield Diagnostic("unknown-command", given.at("command"), params)
        return
    arguments, owner = given.section("with"), f"{name}.{command}"
    for argument in arguments.keys() - signature.arguments.keys() if not signature.takes_any else ():
        takes = list(signature.arguments)
        params = {"name": argument, "owner": owner, "guess": did_you_mean(argument, takes) or "", "known": takes}
        yield Diagnostic("unknown-argument", arguments.key_at(argument), params)
    for argument, one in signature.arguments.items():
        if one.is_required and argument not in arguments:
            yield Diagnostic("missing-argument", given.at("command"), {"name": argument, "owner": owner})
