"""The statecharts that ship with the engine: YAML, found by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def shipped_charts() -> dict[str, Traversable]:
    """Name -> file of every chart that ships."""
    from importlib.resources import files  # 5 ms, which a batch's process never needs

    return {
        entry.name.removesuffix(".yaml"): entry for entry in files(__name__).iterdir() if entry.name.endswith(".yaml")
    }


def shipped_sequences() -> dict[str, Traversable]:
    """Name -> folder of every sequence package that ships."""
    from importlib.resources import files

    return {
        entry.name: entry for entry in (files(__name__) / "sequences").iterdir() if (entry / "sequence.yaml").is_file()
    }
