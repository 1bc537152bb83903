"""The registry of everything a chart may name. One name, once; a clash is an error that tells both places."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from engine.bindings.types import TEXT, ValueType
from engine.errors import EngineError

if TYPE_CHECKING:
    from parsers import ProtocolInfo

Function = TypeVar("Function", bound=Callable[..., object])
ServiceKind = Literal["store", "network", "hardware", "process"]

_REQUIRED: Final = object()


class RegistryError(EngineError):
    """Two bindings have one name, or a binding is declared wrongly."""


@dataclass(frozen=True, slots=True)
class Help:
    """What a binding or a parameter does, in one sentence of each language."""

    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One typed argument. ``default`` is used when a chart leaves it out; without one it must be given."""

    type: ValueType
    default: object = _REQUIRED
    help: Help = Help("", "")

    @property
    def is_required(self) -> bool:
        """Whether a chart must give it."""
        return self.default is _REQUIRED


Parameters = Mapping[str, Parameter]
Payload = Mapping[str, ValueType]
_NO_PARAMETERS: Parameters = MappingProxyType({})
_ALWAYS_POSSIBLE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GuardSpec:
    """A named, pure claim about its arguments."""

    name: str
    parameters: Parameters
    function: Callable[..., bool]
    help: Help
    source: str


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """A named fire-and-forget action: the chart orders it, the service performs it."""

    name: str
    parameters: Parameters
    help: Help
    source: str
    function: Callable[..., None] | None = None  # called as function(machine_name, **arguments); None: the host's own


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A named service that answers with one of its declared outcomes; ``error`` and ``timeout`` are always among them.

    ``is_repeatable``: running it again after a crash does no harm (a lookup, or a commit under the same key).
    ``only_with``: outcomes that can happen only if an argument is given, and which one; a chart that does not give it
    need not, and cannot, handle them.
    """

    name: str
    kind: ServiceKind
    parameters: Parameters
    outcomes: Mapping[str, Payload]
    help: Help
    is_repeatable: bool
    source: str
    events: tuple[str, ...] = ()  # what it may send to the machine while it runs
    function: Callable[..., Awaitable[object]] | None = None  # awaited as function(call, **arguments) for an Outcome
    only_with: Mapping[str, str] = field(default_factory=lambda: _ALWAYS_POSSIBLE)  # outcome -> argument


# Every service can fail or be too late; a chart handles both like any other outcome.
COMMON_OUTCOMES: Final[Mapping[str, Payload]] = MappingProxyType(
    {"error": MappingProxyType({"reason": TEXT}), "timeout": MappingProxyType({})}
)


@dataclass(slots=True)
class Registry:
    """Guards, actions and services by name."""

    guards: dict[str, GuardSpec] = field(default_factory=dict)
    actions: dict[str, ActionSpec] = field(default_factory=dict)
    services: dict[str, ServiceSpec] = field(default_factory=dict)
    protocols: dict[str, ProtocolInfo] = field(default_factory=dict)  # those added to the shipped ones
    origin: str = ""  # whose bindings are registered now: read again, they replace their own protocols

    def guard(
        self, name: str, parameters: Parameters = _NO_PARAMETERS, *, help: Help
    ) -> Callable[[Function], Function]:
        """Register a pure function as guard ``name``. A parameter named like a keyword gets a trailing ``_``."""

        def register(function: Function) -> Function:
            spec = GuardSpec(name, parameters, function, help, _place(function))  # type: ignore[arg-type]
            _add(self.guards, name, spec, "guard")
            return function

        return register

    def action(
        self,
        name: str,
        parameters: Parameters = _NO_PARAMETERS,
        *,
        help: Help,
        source: str,
        function: Callable[..., None] | None = None,
    ) -> None:
        """Declare an action. The host performs it, by ``function`` where one is given."""
        _add(self.actions, name, ActionSpec(name, parameters, help, source, function), "action")

    def service(
        self,
        name: str,
        kind: ServiceKind,
        parameters: Parameters = _NO_PARAMETERS,
        *,
        outcomes: Mapping[str, Payload],
        help: Help,
        source: str,
        is_repeatable: bool = False,
        events: tuple[str, ...] = (),
        function: Callable[..., Awaitable[object]] | None = None,
        only_with: Mapping[str, str] = _ALWAYS_POSSIBLE,
    ) -> None:
        """Declare a service and its outcomes; ``error`` and ``timeout`` are added.

        Raises RegistryError for a name that is taken, and for ``only_with`` naming what the service does not have.
        """
        for outcome, argument in only_with.items():
            if outcome not in outcomes or argument not in parameters or parameters[argument].is_required:
                raise RegistryError(f"the service '{name}' has no outcome '{outcome}' that depends on '{argument}'")
        spec = ServiceSpec(
            name,
            kind,
            parameters,
            {**outcomes, **COMMON_OUTCOMES},
            help,
            is_repeatable,
            source,
            events,
            function,
            only_with,
        )
        _add(self.services, name, spec, "service")

    def protocol(self, info: ProtocolInfo) -> None:
        """Make a protocol known to site.yaml, beside those that ship."""
        # Only here: a station's master knows charts, and no protocol.
        from parsers import ProtocolError, register_protocol

        if info.name in self.protocols:
            raise RegistryError(f"the protocol '{info.name}' is registered twice: {info.title}")
        try:
            register_protocol(info, origin=self.origin)
        except ProtocolError as error:
            raise RegistryError(str(error)) from error
        self.protocols[info.name] = info


Spec = TypeVar("Spec", GuardSpec, ActionSpec, ServiceSpec)


def _add(table: dict[str, Spec], name: str, spec: Spec, what: str) -> None:
    if name in table:
        raise RegistryError(f"the {what} '{name}' is registered twice: by {table[name].source} and by {spec.source}")
    table[name] = spec


def _place(function: Callable[..., object]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{function.__module__}:{code.co_firstlineno}" if code else function.__module__
