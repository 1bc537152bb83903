"""What charts order of an unmanned weighing terminal: its display, lights, voice, fan and heater, and printer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.bindings.registry import Help, Parameter, Registry
from engine.bindings.types import INT, LIST, MASS, TEXT, ValueType

# The voices that a SUWOL-1000 has, by the number that the wire carries; 13 to 99 are empty.
VOICES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "weighing_done": 1,
        "please_wait": 2,
        "one_moment": 3,
        "touch_card": 4,
        "indicator_fault": 5,
        "overload": 6,
        "ask_manager": 7,
        "unknown_card": 8,
        "beeps": 9,
        "system_fault": 10,
        "thank_you": 11,
        "buzzer": 12,
    }
)
LIGHTS: Final = ("off", "green", "red", "both")
ALIGNMENTS: Final = ("left", "center", "right")


def register_terminal(registry: Registry) -> None:
    """Declare the actions and the service of a terminal."""
    registry.action(
        "display.show",
        MappingProxyType(
            {
                "weight": Parameter(
                    MASS, None, Help("what to show; without it, no weight", "보여 줄 무게. 없으면 비운다")
                ),
                "text": Parameter(
                    TEXT, "", Help("six bytes of CP949: 3 syllables, or 6 digits", "CP949 6바이트: 한글 3자나 숫자 6자")
                ),
            }
        ),
        help=Help(
            "Show a weight and a text on the terminal, from its next poll on; what does not fit is refused, never cut.",
            "다음 폴링부터 단말기에 무게와 글을 보여 준다. 칸에 들어가지 않으면 자르지 않고 거절한다.",
        ),
        source=__name__,
    )
    registry.action(
        "light.set",
        MappingProxyType({"color": Parameter(ValueType("choice", LIGHTS), help=Help("which lights are on", "켤 등"))}),
        help=Help("Switch the terminal's red and green lights.", "단말기의 적색등과 녹색등을 켜고 끈다."),
        source=__name__,
    )
    registry.action(
        "voice.say",
        MappingProxyType(
            {"voice": Parameter(ValueType("choice", tuple(VOICES)), help=Help("what to say", "안내 음성"))}
        ),
        help=Help(
            "Say it as soon as nothing else plays; voice.done, voice.busy_too_long or voice.failed answers.",
            "다른 음성이 끝나면 안내한다. voice.done, voice.busy_too_long, voice.failed로 답한다.",
        ),
        source=__name__,
    )
    registry.action(
        "climate.set",
        MappingProxyType(
            {
                "fan": Parameter(
                    INT, help=Help("the fan runs above, 15 to 40 degrees", "이 온도 위에서 팬이 돈다(15~40도)")
                ),
                "heater": Parameter(
                    INT, help=Help("the heater runs below, 0 to 15 degrees", "이 온도 아래에서 히터가 켜진다(0~15도)")
                ),
            }
        ),
        help=Help("Set the temperatures of the terminal's fan and heater.", "단말기의 팬과 히터 온도를 정한다."),
        source=__name__,
    )
    registry.service(
        "printer.print",
        "hardware",
        MappingProxyType(
            {
                "lines": Parameter(
                    LIST,
                    help=Help(
                        "texts; {text, align, size, bold} for one that stands out; {label, value} for two columns",
                        "글의 목록. 꾸밀 줄은 {text, align, size, bold}, 두 칸은 {label, value}",
                    ),
                ),
                "qr": Parameter(TEXT, None, Help("what a QR code below says", "아래에 찍을 QR 코드의 내용")),
                "copies": Parameter(INT, 1, Help("1 to 9", "1~9장")),
            }
        ),
        outcomes={"done": {}, "no_paper": {}, "busy_too_long": {}},
        events=("printer.done", "printer.no_paper", "printer.busy_too_long", "printer.failed"),
        help=Help(
            "Print a receipt when the printer is ready, and tell what came of it.",
            "프린터가 준비되면 영수증을 찍고 그 결과를 알린다.",
        ),
        source=__name__,
    )
