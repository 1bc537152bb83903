"""Korean: what can be wrong with a chart, its expressions, and the settings a site gives it."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

_MISSPELT: Final = "이름을 잘못 적었거나 선언하지 않은 이름입니다."

ENTRIES: Final[dict[str, Entry]] = {
    "unknown-target": Entry("'{name}'{name:이라는/라는} 상태가 없습니다", _MISSPELT, "상태: {known}"),
    "unknown-event": Entry(
        "'{name}'{name:이라는/라는} 이벤트가 없습니다",
        "차트는 받을 이벤트를 'events'에 선언합니다. 거기에 없는 이름은 오지 않습니다.",
        "이벤트: {known}. 새 이벤트라면 'events'에 선언하세요",
    ),
    "unknown-guard": Entry("'{name}'{name:이라는/라는} 가드가 없습니다", _MISSPELT, "가드: {known}"),
    "unknown-action": Entry("'{name}'{name:이라는/라는} 동작이 없습니다", _MISSPELT, "동작: {known}"),
    "unknown-service": Entry("'{name}'{name:이라는/라는} 서비스가 없습니다", _MISSPELT, "서비스: {known}"),
    "unknown-outcome": Entry(
        "이 서비스에는 '{name}'{name:이라는/라는} 결과가 없습니다",
        "서비스는 선언한 결과 가운데 하나로 답합니다.",
        "결과: {known}",
    ),
    "missing-outcome": Entry(
        "{service}의 결과 '{name}'{name:을/를} 어떻게 할지 적지 않았습니다",
        "서비스의 모든 결과는 갈 곳이 있어야 합니다. 'error'와 'timeout'은 언제나 있습니다.",
        "여기에 '{name}: ...'{name:을/를} 더하세요",
    ),
    "outcome-needs-argument": Entry(
        "{service}의 결과 '{name}'{name:은/는} 여기서는 일어나지 않습니다",
        "어떤 인자를 줄 때만 있는 결과인데, 여기서는 주지 않았습니다.",
        "'with'에 '{argument}'{argument:을/를} 주거나 '{name}'{name:을/를} 지우세요",
    ),
    "unknown-data": Entry(
        "'{name}'{name:이라는/라는} 데이터가 없습니다", _MISSPELT, "데이터: {known}. 새 데이터라면 'data'에 선언하세요"
    ),
    "unknown-setting": Entry("'{name}'{name:이라는/라는} 설정이나 매개변수가 없습니다", _MISSPELT, "있는 것: {known}"),
    "unknown-argument": Entry("{owner}{owner:은/는} '{name}'{name:을/를} 받지 않습니다", _MISSPELT, "받는 것: {known}"),
    "missing-argument": Entry(
        "{owner}에 '{name}'{name:이/가} 필요합니다", "이 인자에는 기본값이 없습니다.", "인자에 '{name}: ...'을 더하세요"
    ),
    "out-of-range": Entry(
        "{value}{value:은/는} '{name}'의 범위를 벗어납니다",
        "차트나 시퀀스가 가장 작은 값과 가장 큰 값을 선언합니다.",
        "{range} 안에서 값을 고르세요",
    ),
    "duplicate-state": Entry(
        "'{name}'{name:이라는/라는} 상태가 또 있습니다. 처음 것은 {first}에 있습니다",
        "상태의 이름은 주소이므로 부모가 달라도 한 차트에서 한 번만 씁니다.",
        "둘 중 하나의 이름을 바꾸세요",
    ),
    "wrong-state-type": Entry(
        "이 키들이 있는 상태는 '{type}' 종류가 될 수 없습니다",
        "복합 상태와 병렬 상태만 상태를 담습니다. 최종 상태와 이력 상태는 아무것도 담지 않습니다.",
        "'type'을 지우거나 어울리지 않는 키를 지우세요",
    ),
    "missing-initial": Entry(
        "'{name}'{name:이/가} 어느 상태에서 시작하는지 적지 않았습니다",
        "복합 상태에 들어가면 그 안의 상태 하나에 바로 들어갑니다.",
        "'initial: 이름'을 더하세요",
    ),
    "missing-history-default": Entry(
        "이력 상태 '{name}'{name:이/가} 처음에 어디로 가는지 적지 않았습니다",
        "부모를 한 번도 떠나지 않았다면 기억할 것이 없습니다.",
        "'default: 이름'을 더하세요",
    ),
    "initial-outside": Entry(
        "'{name}'{name:은/는} '{state}' 안에 없습니다",
        "복합 상태는 자기 안의 상태에서 시작합니다.",
        "'{state}' 안의 상태를 적으세요",
    ),
    "finally-never-ends": Entry(
        "'{state}'의 'finally'인 '{name}'{name:은/는} 스스로 끝나지 않습니다",
        "떠나는 쪽은 정리가 끝나기를 기다립니다. 정리는 아무것도 기다리면 안 됩니다.",
        "동작만 두거나 최종 상태로 가는 상태들을 두세요",
    ),
    "retry-not-atomic": Entry(
        "'{state}'에는 상태나 여러 서비스가 있어서 'retry'를 쓸 수 없습니다",
        "재시도는 서비스 하나를 둘러싼 상태와 타이머가 됩니다.",
        "서비스를 따로 둔 상태로 옮기세요",
    ),
    "unknown-id": Entry("여기에는 id가 '{name}'인 전이가 없습니다", _MISSPELT, "id: {known}"),
    "extends-cycle": Entry(
        "차트들이 서로를 돌아가며 확장합니다: {cycle}",
        "확장하는 차트는 다른 차트의 것을 이어받습니다. 어딘가에서 끝나야 합니다.",
        "그중 하나는 확장하지 않게 하세요",
    ),
    "reserved-name": Entry(
        "라인의 이름으로 '{name}'{name:을/를} 쓸 수 없습니다",
        "기계들이 이벤트를 주고받을 때 서비스가 스스로 쓰는 이름입니다.",
        "다른 이름을 고르세요",
    ),
    "unknown-name": Entry("'{name}'{name:이라는/라는} 것이 없습니다", _MISSPELT, "있는 이름: {known}"),
    "unknown-function": Entry(
        "'{name}'{name:이라는/라는} 함수가 없습니다", "식에서는 몇 가지 순수 함수만 부를 수 있습니다.", "함수: {known}"
    ),
    "wrong-arguments": Entry(
        "{function}{function:은/는} {found}{found:으로/로} 부를 수 없습니다",
        "인자의 개수나 종류가 맞지 않습니다.",
        "{usage} 형식으로 쓰세요",
    ),
    "type-mismatch": Entry(
        "'{operation}'의 이 자리에는 {expected}{expected:이/가} 와야 하는데 {found}{found:이/가} 있습니다",
        "종류가 다른 값은 견주거나 계산할 수 없습니다. 단위 없는 수는 양이 아닙니다.",
        "맞는 종류의 값을 쓰세요",
    ),
    "not-allowed": Entry(
        "식에는 '{construct}'{construct:을/를} 쓸 수 없습니다",
        "식은 견주고 계산합니다. 나머지는 동작과 서비스가 합니다.",
        "'{construct}' 없이 쓰세요",
    ),
    "expression-syntax": Entry(
        "이 식은 '{near}'에서 읽을 수 없습니다: {reason}",
        "식은 파이썬처럼 씁니다: and, or, not, ==, <, +, 그리고 data.x 같은 이름.",
        "제공된 차트의 식과 견주어 보세요",
    ),
    "expression-fails": Entry(
        "이 식은 언제나 실패합니다: {reason}",
        "이름이 없는 식이라 바로 계산했는데 계산할 수 없었습니다.",
        "뜻하는 값을 직접 쓰세요",
    ),
    "expression-too-long": Entry(
        "식이 {length}자입니다. {limit}자까지 쓸 수 있습니다",
        "그렇게 긴 식은 아무도 확인할 수 없습니다.",
        "나누거나 파이썬 가드로 등록하세요",
    ),
    "expression-too-deep": Entry(
        "식이 {limit}단계보다 깊습니다",
        "그렇게 깊은 식은 아무도 확인할 수 없습니다.",
        "나누거나 파이썬 가드로 등록하세요",
    ),
}
