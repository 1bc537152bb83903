"""The colours of pictures: light ground, one hue for each thing that makes a transition happen."""

from __future__ import annotations

from typing import Final

from engine.render.blocks import Ink
from engine.render.scene import Change

GROUND: Final = "#ffffff"
TEXT: Final = "#1c2733"
MUTED: Final = "#667385"
BORDER: Final = "#8292a6"
LINE_COLOUR: Final = "#5b6b7e"
LABEL_BORDER: Final = "#d5dce5"
# A compound state is a little darker than what it stands in.
DEPTHS: Final = ("#f4f7fa", "#eaeff5", "#e0e7ef", "#d6dfe9")
ACTIVE_FILL: Final = "#fff3c4"
ACTIVE_LINE: Final = "#e08600"
INKS: Final = {
    Ink.TITLE: TEXT,
    Ink.NAME: MUTED,
    Ink.MARK: "#2f7d4f",
    Ink.FACT: MUTED,
    Ink.EVENT: "#1a56c4",
    Ink.TIMER: "#9a5b00",
    Ink.ALWAYS: "#7a3fb5",
    Ink.OUTCOME: "#0b7285",
    Ink.FAILURE: "#b3261e",
    Ink.NOTE: MUTED,
    Ink.GUARD: TEXT,
    Ink.ACTION: "#47566a",
    Ink.COUNT: TEXT,
}
CHANGES: Final = {Change.ADDED: "#1f8a3b", Change.REMOVED: "#cf222e", Change.CHANGED: "#b86e00"}
CHANGE_FILLS: Final = {Change.ADDED: "#e6f6ea", Change.REMOVED: "#fdeaec", Change.CHANGED: "#fdf3e0"}

# In a browser the first of these that is there; each has Hangul, and none is wider than what was measured.
FONTS: Final = (
    "'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', 'NanumGothic', 'Nanum Gothic', "
    "'DejaVu Sans', sans-serif"
)
