"""Korean: what can be wrong with a protocol profile."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "profile-pattern-refused": Entry(
        "RE2가 이 패턴을 받지 않습니다: {reason}",
        "패턴은 회선에서 무엇이 오더라도 선형 시간에 맞춰 보는 RE2를 씁니다.",
        "RE2에는 앞뒤 보기(?= (?! (?<), 역참조(\\1), 소유 수량자((?> ++), 1000번을 넘는 반복이 "
        "없습니다. 그것 없이 적으세요. 칸이 정해진 자리에 있으면 패턴 대신 자리를 적으세요",
    ),
    "profile-group-missing": Entry(
        "패턴에 '{field}'라는 그룹이 없습니다",
        "패턴이 있는 모양에서 칸은 같은 이름의 그룹입니다. 예: (?P<value>[0-9]+)",
        "여기 있는 그룹: {allowed}",
    ),
    "profile-group-unused": Entry(
        "패턴의 그룹 '{group}'에 해당하는 칸이 없습니다",
        "이름 있는 그룹은 뜻이 있어야 하며, 그 뜻은 'fields' 아래에 적습니다.",
        "'fields' 아래에 추가하거나 이름 없는 그룹 (?:...)으로 바꾸세요",
    ),
    "profile-pattern-without-end": Entry(
        "패턴을 쓰려면 프레임에 끝이 있어야 합니다",
        "길이가 변하는 칸이 어디서 끝나는지는 프레임의 끝으로만 알 수 있습니다.",
        "'frame' 아래에 'end'를 적거나 패턴 대신 자리를 적으세요",
    ),
    "profile-place-in-pattern": Entry(
        "패턴이 있는 모양에서 '{key}'{key:은/는} 아무 뜻이 없습니다",
        "칸의 위치는 자리로 적거나 패턴으로 적습니다. 둘 다는 아닙니다.",
        "'{key}'{key:을/를} 지우거나 패턴을 지우세요",
    ),
    "profile-pattern-only": Entry(
        "패턴이 없는 모양에서 '{key}'{key:은/는} 아무 뜻이 없습니다",
        "정해진 자리에는 늘 무언가가 있습니다. 패턴의 그룹만 없을 수 있습니다.",
        "지우세요",
    ),
    "profile-unit-sent": Entry(
        "모양에 고정된 단위와 단위 칸이 모두 있습니다",
        "모양의 'unit'은 단위를 보내지 않는 장비에 씁니다.",
        "둘 중 하나를 지우세요",
    ),
    "profile-length-varies": Entry(
        "패턴이 없는 모양의 길이는 하나여야 하는데 {value}입니다",
        "칸이 정해진 자리에 있으려면 프레임의 길이가 하나여야 합니다.",
        "숫자 하나를 적고, 다른 길이는 모양을 하나 더 추가하세요",
    ),
    "profile-out-of-frame": Entry(
        "{value}{value:은/는} {length}바이트인 프레임을 벗어납니다",
        "자리는 프레임의 시작과 끝을 포함해 1부터 세며, 시작보다 앞에서 끝날 수 없습니다.",
        "자리와 모양의 길이를 확인하세요",
    ),
    "profile-overlap": Entry(
        "'{field}'{field:이/가} {other}의 바이트와 겹칩니다",
        "한 바이트는 한 칸에만 속합니다. 프레임의 시작과 끝도 자기 자리를 차지합니다.",
        "자리를 확인하세요. 조건일 뿐이면 'checks' 아래에 적으세요",
    ),
    "profile-code-width": Entry(
        "코드 '{code}'{code:은/는} {length}글자인데 칸은 {width}글자입니다",
        "코드는 칸을 꽉 채웁니다. 빈칸도 글자입니다.",
        "빈칸까지 따옴표 안에 적거나 자리를 확인하세요",
    ),
    "profile-bits-width": Entry(
        "이 칸은 1바이트여야 하는데 {width}바이트입니다",
        "상태 비트와 소수 자릿수 칸은 1바이트입니다.",
        "한 바이트의 자리를 적으세요",
    ),
    "profile-field-without-meaning": Entry(
        "칸 '{field}'{field:은/는} 아무 뜻이 없습니다",
        "value, tare, unit, sign, decimals, uid가 아닌 칸은 표에서 뜻을 찾습니다.",
        "'codes'나 'bits'를 적으세요. 뜻이 없는 바이트에는 칸이 필요 없습니다",
    ),
    "profile-field-needed": Entry(
        "이 모양에 '{field}' 칸이 없습니다",
        "저울의 프레임은 무게나 무게가 없는 이유를, 카드 리더의 프레임은 카드를 담습니다.",
        "'fields' 아래에 '{field}'{field:을/를} 추가하세요",
    ),
    "profile-field-of-other-kind": Entry(
        "'{field}'{field:은/는} {of}의 칸이 아닙니다",
        "저울(scale)에는 value와 unit이, 카드 리더(reader)에는 uid가 있습니다.",
        "지우거나 'kind'를 확인하세요",
    ),
    "profile-units-needed": Entry(
        "이 칸에 쓰는 단위가 없습니다",
        "어떤 글자가 어떤 단위인지는 프로필이나 모양의 'units'에 적습니다.",
        "예를 들어 units: [kg, g]를 추가하세요",
    ),
    "profile-unit-twice": Entry(
        "'{spelling}'{spelling:은/는} 이미 {other}입니다",
        "회선의 한 글자열은 한 단위입니다.",
        "둘 중 하나만 남기세요",
    ),
    "profile-unit-width": Entry(
        "'{spelling}'{spelling:은/는} {width}바이트인 단위 칸에 들어가지 않습니다",
        "단위는 칸을 채우거나 빈칸으로 채워집니다.",
        "단위의 자리나 글자를 확인하세요",
    ),
    "profile-checksum-width": Entry(
        "이 검사합은 {width}바이트가 아니라 {needed}바이트를 차지합니다",
        "몇 바이트인지는 종류와 표기('as')에 달려 있습니다.",
        "자리와 'as'를 확인하세요",
    ),
    "profile-trusted-length": Entry(
        "이 프로필에는 {length}바이트인 줄이 없습니다",
        "'trusted'는 앞에 잡음이 있어도 믿는 줄의 길이입니다. 시작 바이트가 있는 프레임에는 필요 없습니다.",
        "지우거나 모양 중 하나의 길이를 적으세요",
    ),
    "profile-unframed": Entry(
        "프레임이 어디서 시작하고 끝나는지 알 수 없습니다",
        "받은 바이트는 시작이나 끝을 보고 프레임으로 나눕니다.",
        "'end'나 'start'를 적으세요",
    ),
    "profile-not-a-byte": Entry(
        "'{character}'{character:은/는} 바이트가 아닙니다",
        "여기서는 한 글자가 한 바이트이므로 U+00FF를 넘는 글자는 쓸 수 없습니다.",
        '바이트는 큰따옴표 안에 "\\xNN"으로 적으세요',
    ),
    "profile-not-hex": Entry(
        "'{value}'{value:은/는} 16진수로 적은 바이트가 아닙니다",
        "한 바이트는 두 자리이며 바이트 사이에 빈칸을 둘 수 있습니다.",
        "빠진 자리가 없는지 확인하세요",
    ),
    "profile-not-a-number": Entry(
        "'{value}'{value:은/는} 숫자가 아닙니다",
        "기준 프레임의 값은 자리마다 비교합니다.",
        "11.120처럼 읽혀야 하는 그대로 적으세요",
    ),
    "profile-golden-differs": Entry(
        "이 프레임은 [{wanted}]{wanted:을/를} 주어야 하는데 [{got}]{got:을/를} 줍니다",
        "기준 프레임은 프로필의 증명입니다. 값의 모든 자리를 비교하며, 적지 않은 것(stable, mode, zero)은 프레임에 "
        "없다는 뜻입니다.",
        "모양을 고치거나, 프레임이 정말 다르게 말한다면 기대한 값을 고치세요",
    ),
    "profile-golden-length": Entry(
        "이 프레임은 [{wanted}]이어야 하는데 {length}바이트입니다. 모양의 길이: {lengths}",
        "모양의 길이는 시작과 끝을 포함한 프레임의 모든 바이트입니다.",
        "바이트를 세어 모양의 길이와 자리를, 또는 프레임을 고치세요",
    ),
    "profile-golden-byte": Entry(
        "이 프레임은 [{wanted}]이어야 하는데 {at}번째 바이트 '{byte}'는 모양이 그 자리에 받는 것이 아닙니다",
        "모든 바이트는 프로필이 말한 것이어야 합니다: 글자, 코드, 단위, 숫자, 시작, 끝.",
        "모양의 자리나 코드를, 또는 프레임을 고치세요",
    ),
    "profile-golden-checksum": Entry(
        "이 프레임은 [{wanted}]이어야 하는데 체크섬이 '{given}'입니다. 모양대로라면 '{wanted_checksum}'입니다",
        "프레임의 나머지는 모두 모양과 같습니다.",
        "무엇을(over), 어떻게(kind) 계산하고 어떻게 적는지(as), 또는 프레임을 고치세요",
    ),
    "profile-golden-contradicts": Entry(
        "기준 프레임 {number}번과 같은 프레임인데 그쪽은 [{other}], 여기는 [{wanted}]입니다",
        "한 프레임은 한 가지로 읽힙니다.",
        "틀린 쪽을 지우세요",
    ),
    "protocol-name-taken": Entry(
        "'{name}'{name:은/는} {other}의 이름입니다",
        "프로필은 프로토콜을 더할 뿐 바꾸지 않습니다. 바꾸면 다른 현장의 기록이 뜻하는 것이 달라집니다.",
        "다른 이름을 고르세요",
    ),
}
