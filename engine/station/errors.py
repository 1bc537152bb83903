"""What a station says no with; ``code`` is for programs, the text is for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import EngineError


class StationError(EngineError):
    """The station does not do what it was asked."""

    code = "station_error"


class NoSuchBatchError(StationError):
    """No batch has this id."""

    code = "unknown_batch"


class NoSuchPromptError(StationError):
    """No such question waits for an answer."""

    code = "unknown_prompt"


class WrongStateError(StationError):
    """The batch is not in a state in which this is possible; the text tells why."""

    code = "wrong_state"


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    """What is wrong with one parameter; ``code`` is of the catalogue of diagnostics."""

    field: str
    code: str
    message: str


class ParametersError(StationError):
    """The parameters are not what the sequence declares; everything that is wrong is in ``problems``."""

    code = "bad_parameters"

    def __init__(self, problems: Sequence[ParameterProblem]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in problems))
        self.problems = tuple(problems)


class CommandError(StationError):
    """The batch's process could not do it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
