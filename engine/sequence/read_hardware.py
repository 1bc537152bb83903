"""Reads ``parameters:`` and ``hardware:``: types and ranges, drivers, their twins, and whether configurations fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.bindings.types import ANY, ValueType, ValueTypeError, coerce
from engine.chart.declare import declarations
from engine.documents.quantities import found as found_word
from engine.documents.suggest import did_you_mean
from engine.documents.tree import Map, Seq, Value
from engine.errors import Diagnostic, Position
from engine.sequence.devices import DEVICES, TWINS
from engine.sequence.drivers import DriverLoader
from engine.sequence.interfaces import Argument, ArgumentError, Interface, Signature, converted
from engine.sequence.limits import LimitError, number
from engine.sequence.model import ConfigField, Hardware, Parameter

_NUMBERS: Final = frozenset({"int", "number"})


def read_parameters(raw: Value, problems: list[Diagnostic]) -> dict[str, Parameter]:
    """Read ``parameters:``. Numbers may be written with their unit (``12 V``)."""
    if not isinstance(raw, Map):
        return {}
    bodies = Map(raw.start)
    for name, body in raw.items():
        if isinstance(body, Map):
            bodies[name], bodies.marks[name] = _without_unit(body, problems), raw.marks[name]
    found: dict[str, Parameter] = {}
    for name, declared in declarations(bodies, problems).items():
        body = raw.section(name)
        found[name] = Parameter(declared, str(body.get("unit", "")), str(body.get("title", "")))
    return found


def _without_unit(body: Map, problems: list[Diagnostic]) -> Map:
    unit, type_ = body.text("unit"), str(body.get("type"))
    if unit is not None and type_ not in _NUMBERS:
        problems.append(Diagnostic("unit-without-number", body.at("unit"), {"type": type_}))
    result = Map(body.start)
    result.update(body)
    result.marks = dict(body.marks)
    for key in ("default", "min", "max"):
        if key in body and type_ in _NUMBERS:
            try:
                result[key] = unitless(body[key], unit or "", type_)
            except LimitError:
                problems.append(Diagnostic("limit-unit", body.at(key), {"value": str(body[key]), "unit": unit or ""}))
                del result[key]
    return result


def unitless(value: Value, unit: str, type_: str) -> Value:
    """A number that may be written with its unit; anything else stays as it is. Raises LimitError."""
    if not isinstance(value, str):
        return value
    read = number(value, unit)
    if read is None:
        return value
    return int(read) if type_ == "int" and read == read.to_integral_value() else read


@dataclass(frozen=True, slots=True)
class HardwareReader:
    """Reads the hardware of a package."""

    loader: DriverLoader
    problems: list[Diagnostic]

    def read(self, raw: Value) -> dict[str, Hardware]:
        """All hardware whose driver could be had."""
        found: dict[str, Hardware] = {}
        for name, body in raw.items() if isinstance(raw, Map) else ():
            one = self._hardware(name, body) if isinstance(body, Map) else None
            if one is not None:
                found[name] = one
        return found

    def _hardware(self, name: str, body: Map) -> Hardware | None:
        written, at = str(body.get("driver", "")), body.at("driver")
        config = self._config(body.section("config"))
        interface = self._interface(written, at)
        if interface is None:
            return None
        types = {one.name: _type_of(one) for one in config.values()}
        self._check(interface.constructor, types, body.section("config"), at, written)
        twin = self._twin(body, written, interface, types)
        simulated = body.section("simulated").section("config")
        return Hardware(
            name=name,
            driver=written,
            position=at,
            config=config,
            simulated_config={key: _literal(value) for key, value in simulated.items()},
            interface=interface,
            simulated=twin,
            lock=body.text("lock"),
            title=str(body.get("title", "")),
        )

    def _interface(self, written: str, at: Position) -> Interface | None:
        if ":" in written:
            interface = self.loader.load(written, at)
            missing = sorted(getattr(interface.make, "__abstractmethods__", ())) if interface is not None else ()
            if missing:
                self.problems.append(Diagnostic("driver-abstract", at, {"name": written, "known": missing}))
            return interface
        if written not in DEVICES:
            params = {"name": written, "guess": did_you_mean(written, DEVICES) or "", "known": sorted(DEVICES)}
            self.problems.append(Diagnostic("unknown-device", at, params))
        return DEVICES.get(written)

    def _twin(self, body: Map, written: str, interface: Interface, config: Mapping[str, ValueType]) -> Interface | None:
        section = body.section("simulated")
        named = section.text("driver")
        if named is not None:
            twin = self.loader.load(named, section.at("driver"))
        else:
            twin = TWINS.get(written) or self.loader.twin(interface, written)
            if twin is None:
                at = body.at("driver")
                params = {"name": f"{written.rpartition(':')[2]}Sim"}
                self.problems.append(Diagnostic("no-simulated-twin", at, params, severity="info"))
        if twin is not None:
            own = section.section("config")
            types = {key: _literal_type(value) for key, value in own.items()}
            # What the driver's own configuration is wrong in has been told.
            shared = dict.fromkeys(config.keys() & twin.constructor.arguments.keys(), ANY)
            self._check(twin.constructor, {**shared, **types}, own, section.position, twin.name)
        return twin

    def _config(self, raw: Map) -> dict[str, ConfigField]:
        """A mapping with ``type`` declares what a batch gives; anything else is given here."""
        declared = Map(raw.start)
        for name, body in raw.items():
            if isinstance(body, Map) and "type" in body and self._is_type(body):
                declared[name], declared.marks[name] = body, raw.marks[name]
        declarations_ = declarations(declared, self.problems)
        return {
            name: ConfigField(name, declarations_.get(name), None if name in declarations_ else _literal(value))
            for name, value in raw.items()
            if name in declarations_ or not (isinstance(value, Map) and "type" in value)
        }

    def _is_type(self, body: Map) -> bool:
        allowed = ("text", "flag", "int", "number", "duration", "mass", "choice", "secret")
        written = str(body["type"])
        if written in allowed:
            return True
        guess = did_you_mean(written, allowed)
        self.problems.append(
            Diagnostic("wrong-value", body.at("type"), {"value": written, "allowed": allowed, "guess": guess})
        )
        return False

    def _check(
        self, signature: Signature, given: Mapping[str, ValueType], written: Map, at: Position, owner: str
    ) -> None:
        for name, type_ in given.items():
            argument = signature.arguments.get(name)
            place = written.key_at(name) if name in written else at
            if argument is None:
                if not signature.takes_any:
                    self._unknown(name, place, owner, signature)
            elif not argument.fits(type_):
                params = {"name": name, "owner": owner, "expected": argument.type.name, "found": type_.name}
                self.problems.append(Diagnostic("argument-type", place, params))
        for argument in signature.arguments.values():
            if argument.is_required and argument.name not in given:
                self.problems.append(Diagnostic("missing-argument", at, {"name": argument.name, "owner": owner}))

    def _unknown(self, name: str, at: Position, owner: str, signature: Signature) -> None:
        known = list(signature.arguments)
        params = {"name": name, "owner": owner, "guess": did_you_mean(name, known) or "", "known": known}
        self.problems.append(Diagnostic("unknown-argument", at, params))


def _type_of(one: ConfigField) -> ValueType:
    return one.declaration.type if one.declaration is not None else _literal_type(one.value)


def _literal(value: Value) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _literal_type(value: object) -> ValueType:
    word = found_word(Decimal(str(value)) if isinstance(value, float) else value)
    return ValueType("any" if word == "nothing" else word)


def literal_problem(value: Value, argument: Argument) -> tuple[str, dict[str, object]] | None:
    """What is wrong with an argument that is written out: a code and its parameters; None when it fits."""
    allowed = argument.type.choices
    if isinstance(value, str) and allowed and value not in allowed:
        return "wrong-value", {"value": value, "allowed": allowed, "guess": did_you_mean(value, allowed)}
    try:
        plain = coerce(value, argument.type) if argument.type.name == "mass" else _plain(value)
        converted(plain, argument)
    except (ArgumentError, ValueTypeError) as error:
        wanted = getattr(error, "wanted", "") or argument.type.name
        return "argument-type", {"name": argument.name, "expected": wanted, "found": found_word(value)}
    return None


def _plain(value: Value) -> object:
    if isinstance(value, Map):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, Seq) else _literal(value)
