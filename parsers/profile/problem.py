"""What can be wrong with a profile, and where in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: ``path`` leads to the value that is wrong, ``code`` and ``params`` say what is wrong with it."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class ProfileError(ValueError):
    """A profile cannot be used; every reason is in ``problems``."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        told = "; ".join(f"{'.'.join(map(str, p.path))}: {p.code} {dict(p.params)}" for p in problems)
        super().__init__(f"the profile '{name}' cannot be used: {told}")


class Problems:
    """Collects what is wrong, so that all of it comes out at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: Path, code: str, /, **params: object) -> None:
        """Note a mistake."""
        self.found.append(Problem(path, code, params))
