"""What there is to say of sequence packages, found out in a process of its own: loading one runs its drivers' modules.

``python -m engine.station.describe`` reads one line of JSON from its standard input (``{"list": [folders]}``,
``{"draw": package, "folders": [...]}``, or ``{"check": file, "batch": id, "env": {...}}``) and writes one line of JSON.
A master never loads a driver itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from engine.documents.language import language_from_env
from engine.documents.render import message
from engine.errors import Diagnostic, EngineError
from engine.sequence.interfaces import Signature
from engine.sequence.model import Hardware, Package, Parameter, Step
from engine.sequence.package import FILE, check_package
from engine.sequence.records import plain
from engine.station.config import check_batch
from machines import shipped_sequences

LIFE: Final = "batch"  # the chart of a batch's life, to draw


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one question."""
    if "list" in asked:
        return {"sequences": [facts(name, path) for name, path in packages(map(Path, asked["list"]))]}
    try:
        if "check" in asked:
            found = check_batch(Path(asked["check"]), asked["env"], str(asked["batch"]))
            return {"problems": [_misfit(one) for one in found if one.severity == "error"]}
        return {"svg": _drawn(str(asked["draw"]), [Path(one) for one in asked["folders"]])}
    except EngineError as error:
        return {"error": str(error)}


def packages(folders: Iterable[Path]) -> list[tuple[str, Path]]:
    """Name and folder of every package: those of the folders first, then the shipped ones that they do not hide."""
    found: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.glob(f"*/{FILE}")):
            found.setdefault(file.parent.name, file.parent)
    for name, shipped in sorted(shipped_sequences().items()):
        found.setdefault(name, Path(str(shipped)))
    return list(found.items())


def facts(name: str, path: Path) -> dict[str, Any]:
    """What a list and a form want to know of a package. ``problems``: why it cannot be run, if it cannot."""
    checked = check_package(path)
    problems = [_problem(one) for one in checked.findings if one.severity == "error"]
    package = checked.package
    if package is None:
        return {"name": name, "problems": problems}
    return {
        "name": name,
        "sequence": package.name,
        "version": package.version,
        "title": package.title,
        "description": str(package.document.root.get("description", "")),
        "hash": package.content_hash,
        "total": package.total,
        "is_chart": package.is_chart,
        "parameters": [_parameter(one) for one in package.parameters.values()],
        "steps": [_step(one) for one in package.steps],
        "cleanup": [_step(one) for one in package.cleanup],
        "hardware": [_hardware(one) for one in package.hardware.values()],
        "problems": problems,
    }


def _misfit(found: Diagnostic) -> dict[str, str]:
    """What is wrong with a batch, and with which part of it."""
    name = str(found.params.get("name", ""))
    field = {
        "unknown-sequence": "sequencePackage",
        "broken-sequence": "sequencePackage",
        "unknown-hardware": f"hardware.{name}",
        "unknown-argument": f"hardware.{found.params.get('owner')}.{name}",
        "missing-argument": f"hardware.{found.params.get('owner')}.{name}",
    }.get(found.code, f"parameters.{name}".rstrip("."))
    return {"field": field, "message": message(found, language_from_env()), "code": found.code}


def _problem(found: Diagnostic) -> str:
    return f"{found.position}: {message(found, language_from_env())} [{found.code}]"


def _parameter(parameter: Parameter) -> dict[str, Any]:
    one = parameter.declaration
    return {
        "name": one.name, "type": one.type.name, "unit": parameter.unit, "title": parameter.title, "help": one.help,
        "default": plain(one.default), "min": plain(one.minimum), "max": plain(one.maximum),
        "choices": list(one.type.choices),
    }  # fmt: skip


def _step(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"name": step.name, "title": step.title, "kind": step.kind.value, "on_fail": step.on_fail}
    told["branches"] = [[_step(one) for one in branch] for branch in step.branches]
    told["measures"] = [{"name": one.name, "unit": one.unit} for one in step.measures]
    more = {
        "hardware": step.hardware, "command": step.command, "timeout": step.timeout, "when": step.when_text,
        "lock": step.lock.name if step.lock is not None else None,
    }  # fmt: skip
    return told | {name: value for name, value in more.items() if value}


def _hardware(hardware: Hardware) -> dict[str, Any]:
    commands = hardware.interface.commands if hardware.interface is not None else {}
    return {
        "name": hardware.name,
        "title": hardware.title,
        "driver": hardware.driver,
        "lock": hardware.lock,
        "can_simulate": hardware.simulated is not None,
        "config": [
            {"name": one.name, "type": one.declaration.type.name, "help": one.declaration.help}
            for one in hardware.config.values()
            if one.declaration is not None
        ],
        "commands": [{"name": name, **_signature(signature)} for name, signature in commands.items()],
    }


def _signature(signature: Signature) -> dict[str, Any]:
    arguments = [
        {
            "name": one.name, "type": one.type.name, "unit": one.unit, "choices": list(one.type.choices),
            "is_required": one.is_required,
        }
        for one in signature.arguments.values()
    ]  # fmt: skip
    return {"arguments": arguments, "takes_any": signature.takes_any, "unit": signature.unit}


def _drawn(package: str, folders: list[Path]) -> str:
    from engine.render.build import scene_of
    from engine.render.svg import svg_text

    return svg_text(scene_of(_chart(package, folders)))


def _chart(package: str, folders: list[Path]) -> Any:
    if package == LIFE:
        from engine.bindings.shipped import shipped_registry
        from engine.chart.load import load_chart

        return load_chart(LIFE, shipped_registry())
    loaded = check_package(package, folders).package
    if not isinstance(loaded, Package):
        raise EngineError(f"the sequence '{package}' cannot be loaded; `engine validate` tells why")
    return loaded.chart


def main() -> None:
    """The process."""
    out = sys.stdout
    sys.stdout = sys.stderr  # a driver's module may print
    given = json.loads(sys.stdin.readline())
    out.write(json.dumps(answer(given), ensure_ascii=False) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
