"""Korean: what can be wrong with a list of cards."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "card-file-empty": Entry(
        "이 파일에는 카드가 없습니다",
        "열 이름이 있는 첫 줄 아래에 카드마다 한 줄씩 있어야 합니다.",
        "맞는 파일인지 확인하세요. 아무것도 가져오지 않았습니다",
    ),
    "card-column-missing": Entry(
        "카드 번호가 있는 열이 없습니다. 있는 열: {columns}",
        "첫 줄은 열 이름이고, 그 가운데 하나는 카드 번호여야 합니다.",
        "16진 번호면 '카드번호'(uid), 카드에 인쇄된 번호면 '10진번호'(decimal)라고 이름 붙이세요",
    ),
    "card-column-twice": Entry(
        "'{other}' 열과 '{column}' 열은 뜻이 같습니다",
        "이름이나 뜻이 같은 열이 둘이면 어느 쪽이 맞는지 알 수 없습니다.",
        "하나를 지우거나 이름을 바꾸세요",
    ),
    "card-row-unreadable": Entry(
        "이 줄은 읽을 수 없습니다: {reason}",
        "스프레드시트가 저장하는 표 모양이 아닙니다.",
        "CSV로 다시 저장하세요",
    ),
    "card-uid-missing": Entry(
        "이 줄에는 카드 번호가 없습니다",
        "카드는 번호로 알아봅니다.",
        "번호를 채우거나 줄을 지우세요",
    ),
    "card-uid-malformed": Entry(
        "'{text}'{text:은/는} 16진 카드 번호가 아닙니다",
        "리더는 바이트마다 0~9, A~F 두 자리를 줍니다. "
        "스프레드시트가 숫자 열로 보면 앞의 0을 지우거나 1.2E+09처럼 씁니다.",
        "0A006091E1처럼 리더가 보여 주는 대로 쓰고 열을 텍스트로 두세요. 카드에 인쇄된 10진 번호라면 열 이름을 "
        "'10진번호'(decimal)로 하세요",
    ),
    "card-decimal-malformed": Entry(
        "'{text}'{text:은/는} EM4100 카드에 인쇄된 10진 번호가 아닙니다",
        "4294967295까지의 열 자리 수, 또는 096,37345처럼 세 자리와 다섯 자리, 또는 둘 다 인쇄되어 있습니다.",
        "카드에 있는 그대로 옮기세요",
    ),
    "card-numbers-differ": Entry(
        "'{text}'{text:과/와} 10진 번호 '{decimal}'{decimal:은/는} 같은 카드가 아닙니다",
        "10진 번호는 16진 번호의 끝부분을 달리 쓴 것입니다.",
        "하나를 고치거나 한 칸을 비우세요",
    ),
    "card-duplicate": Entry(
        "카드 {uid}{uid:이/가} 이 파일에 두 번 있습니다",
        "카드 하나에는 이름과 뜻이 하나입니다.",
        "한 줄을 지우세요",
    ),
    "card-active-unclear": Entry(
        "'{text}'{text:으로/로}는 카드를 쓰는지 알 수 없습니다",
        "잘못해서 쓰는 카드가 되면 그 카드로 기록이 남습니다.",
        "1이나 0, yes나 no, 사용이나 중지로 쓰세요",
    ),
    "card-text-refused": Entry(
        "'{text}'{text:은/는} 저장할 수 없습니다",
        "이름과 그 곁의 값은 표와 화면에 들어갈 길이여야 합니다.",
        "제어 문자 없이 {limit}자까지 쓰세요",
    ),
    "card-cell-without-column": Entry(
        "'{text}'{text:이/가} 이름 없는 열에 있습니다",
        "첫 줄의 이름보다 칸이 많습니다. 쉼표가 든 글에 따옴표가 없는지 보세요.",
        "첫 줄에 열 이름을 쓰거나 글을 따옴표로 묶으세요",
    ),
    "card-looks-decimal": Entry(
        "'{column}' 열의 번호가 모두 '{example}'처럼 10진 열 자리입니다. 16진으로 읽었습니다",
        "EM4100 카드에 인쇄된 것은 10진 번호이고, 리더는 다른 16진 번호를 줍니다.",
        "카드에서 옮긴 번호라면 열 이름을 '10진번호'(decimal)로 하고 다시 가져오세요",
    ),
}
