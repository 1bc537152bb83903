"""States and reactions as one line of plain text each, for the formats without boxes and colours."""

from __future__ import annotations

from typing import Final

from engine.render.scene import Box, Change, Fact, Reaction

SIGNS: Final = {Change.NONE: "", Change.ADDED: "+ ", Change.REMOVED: "- ", Change.CHANGED: "~ "}


def box_summary(box: Box) -> list[str]:
    """What stands in a state: facts first, then the reactions that stay in it."""
    return [*map(fact_summary, box.facts), *map(reaction_summary, box.inside)]


def fact_summary(fact: Fact) -> str:
    """``entry signal.show failed``."""
    return f"{SIGNS[fact.change]}{fact.kind.value} {fact.short}"


def reaction_summary(reaction: Reaction) -> str:
    """``after 30 s (settings.give_up_after) [guard] / actions``, with its sign and its count."""
    count = f"{reaction.count}× " if reaction.count else ""
    note = f" ({reaction.note})" if reaction.note else ""
    guard = f" [{reaction.guard}]" if reaction.guard else ""
    actions = f" / {'; '.join(reaction.actions)}" if reaction.actions else ""
    again = " (leaves and enters again)" if reaction.comes_back else ""
    return f"{SIGNS[reaction.change]}{count}{reaction.head}{note}{guard}{actions}{again}"
