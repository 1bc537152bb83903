"""``/api/sequences``: the packages there are, their parameters, steps and hardware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from engine.station.catalog import CatalogError
from engine.station.web.face import TheFace
from engine.station.web.models import Shape
from engine.station.web.problems import ProblemError, documented, not_found

router = APIRouter(prefix="/api/sequences", tags=["sequences"])


class SequenceItem(Shape):
    """A package in a list. One that cannot be run says why in `problems`."""

    name: str = Field(description="As `sequencePackage` names it.", examples=["power_board"])
    version: str = ""
    title: str = ""
    description: str = ""
    problems: list[str] = Field(default_factory=list)


class ParameterShape(Shape):
    """A parameter of a sequence."""

    name: str = Field(examples=["vin"])
    type: str = Field(examples=["number"])
    unit: str = Field(examples=["V"])
    title: str
    help: str
    default: Any = Field(default=None, examples=[12.0])
    min: Any = None
    max: Any = None
    choices: list[str]


class MeasureShape(Shape):
    """What a step measures."""

    name: str
    unit: str


class StepShape(Shape):
    """A step, or a frame around others (`branches`: one list, or several side by side)."""

    name: str
    title: str
    kind: str = Field(examples=["call"])
    on_fail: str
    branches: list[list[StepShape]]
    measures: list[MeasureShape]
    hardware: str | None = None
    command: str | None = None
    timeout: float | None = Field(default=None, description="Seconds.")
    when: str | None = None
    lock: str | None = None


class ArgumentShape(Shape):
    """An argument of a command."""

    name: str = Field(examples=["voltage"])
    type: str = Field(examples=["number"])
    unit: str = Field(default="", description='That the driver names: `Annotated[float, "V"]`.', examples=["V"])
    choices: list[str]
    is_required: bool


class CommandShape(Shape):
    """A command of a driver."""

    name: str = Field(examples=["on"])
    arguments: list[ArgumentShape]
    unit: str = Field(default="", description="Of what it returns, where the driver names it.", examples=["V"])
    takes_any: bool = Field(description="Also arguments that it does not name.")


class ConfigShape(Shape):
    """What a batch has to say of a piece of hardware."""

    name: str = Field(examples=["port"])
    type: str
    help: str


class HardwareShape(Shape):
    """A piece of hardware."""

    name: str = Field(examples=["psu"])
    title: str
    driver: str = Field(examples=["drivers.psu:Psu"])
    lock: str | None = None
    can_simulate: bool
    config: list[ConfigShape]
    commands: list[CommandShape]


class SequenceDetail(SequenceItem):
    """A package whole."""

    hash: str = ""
    total: int = Field(default=0, description="How many steps do something themselves.")
    is_chart: bool = Field(default=False, description="Its flow is a full chart of its own.")
    parameters: list[ParameterShape] = Field(default_factory=list)
    steps: list[StepShape] = Field(default_factory=list)
    cleanup: list[StepShape] = Field(default_factory=list)
    hardware: list[HardwareShape] = Field(default_factory=list)


@router.get("", responses=documented(503))
async def list_sequences(face: TheFace) -> list[SequenceItem]:
    """Every package, also those that are broken."""
    try:
        return [SequenceItem(**_named(SequenceItem, one)) for one in await face.catalog.all()]
    except CatalogError as error:
        raise ProblemError(503, "catalog-failed", str(error)) from error


@router.get("/{name}", response_model_exclude_none=True, responses=documented(404, 503))
async def get_sequence(
    face: TheFace, name: Annotated[str, Path(max_length=255, examples=["power_board"])]
) -> SequenceDetail:
    """One package: parameters, steps, and the commands of its hardware with what they take."""
    try:
        found = await face.catalog.find(name)
    except CatalogError as error:
        raise ProblemError(503, "catalog-failed", str(error)) from error
    if found is None:
        raise not_found("sequence", name)
    return SequenceDetail(**_named(SequenceDetail, found))


def _named(shape: type[Shape], raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name in shape.model_fields}
