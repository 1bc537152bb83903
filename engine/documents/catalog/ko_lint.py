"""Korean: what is hardly meant in a chart, how a finding is silenced, and what ``engine validate`` itself says."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

PHRASES: Final[dict[str, str]] = {
    "declared-here": "이것을 선언한 차트는 여기 있습니다",
    "needed-by": "이것이 필요한 차트는 여기서 선언합니다",
    "why": "까닭",
    "wrong": "틀린 예",
    "told": "이렇게 알려 줍니다",
    "right": "맞는 예",
    "severity-error": "오류: 이대로는 동작할 수 없습니다",
    "severity-warning": "경고: 동작하지만 뜻한 것과 다를 것입니다",
    "severity-info": "참고: 알아 둘 만하며, 고칠 것은 없습니다",
    "can-be-ignored": "일부러 그렇게 쓴 곳에는: '# engine: ignore[{code}] 이유'",
}

WORDS: Final[dict[str, str]] = {
    "guard": "가드 이름",
    "guards": "가드 목록",
    "branches": "'actions'가 있는 갈래의 목록",
    "branch": "'when'이나 'guard'(둘 다 없으면 나머지 경우)와 'actions'가 있는 갈래",
    "cancel": "'now', 또는 'wait 2 s'처럼 'wait'와 시간",
    "secret": "비밀 글",
}

ENTRIES: Final[dict[str, Entry]] = {
    # What the builder refuses
    "when-not-flag": Entry(
        "'when'은 참이나 거짓이어야 하는데 {found}입니다",
        "거의 모든 값이 참으로 여겨지므로, 비교가 아닌 조건은 거의 언제나 성립합니다.",
        "'event.value > q('50 g')'나 'data.uid != None'처럼 무엇과 비교하세요",
    ),
    "secret-in-log": Entry(
        "비밀 값이 로그에 남습니다",
        "로그는 복사되고 전송되고 여러 사람이 읽습니다. 한 번 기록된 비밀은 더는 비밀이 아닙니다.",
        "메시지에서 비밀 값을 빼세요",
    ),
    "misplaced-key": Entry(
        "'{key}'{key:은/는} '{type}' 종류의 상태에서 아무 일도 하지 않습니다",
        "이 키는 다른 종류의 상태에서만 뜻이 있습니다.",
        "지우세요. {allowed} 종류의 상태에 쓰는 키입니다",
    ),
    "no-range": Entry(
        "{expected}에는 '{key}'{key:이/가} 뜻이 없습니다",
        "수, 시간, 무게, 시각에만 가장 작은 값과 가장 큰 값이 있습니다.",
        "지우세요",
    ),
    "extends-too-deep": Entry(
        "{limit}개가 넘는 차트가 줄지어 서로를 바탕으로 합니다",
        "그런 차트가 무엇을 하는지는 아무도 따라갈 수 없습니다.",
        "처음 차트에 더 가까운 것을 바탕으로 하세요",
    ),
    # Structure
    "unreachable-state": Entry(
        "'{state}'{state:으로/로} 가는 길이 없습니다",
        "일어날 수 있는 어떤 전이도, 시작 상태나 기본 상태도 이 상태를 가리키지 않습니다.",
        "이 상태로 가는 전이를 더하거나 상태를 지우세요",
    ),
    "dead-end": Entry(
        "'{state}'에서 나가는 길이 없습니다",
        "이 상태에도, 이를 둘러싼 상태에도 다른 상태로 가는 전이가 없어서 기계가 영원히 머무릅니다.",
        "전이('on', 'after', 'always')를 더하거나, 끝이라면 'type: final'을 쓰세요",
    ),
    "shadowed-transition": Entry(
        "이 전이('{event}')는 일어나지 않습니다. 앞의 것이 언제나 먼저입니다",
        "전이는 위에서부터 살펴보며, 조건 없는 것에서 멈춥니다.",
        "앞의 것에 'when'이나 'guard'를 주거나, 이것을 그 앞으로 옮기거나, 둘 중 하나를 지우세요",
    ),
    "same-event-twice": Entry(
        "'{event}'{event:이/가} 조건 없이 두 곳으로 갑니다. 첫 번째만 일어납니다",
        "전이는 위에서부터 살펴보며, 조건 없는 것에서 멈춥니다.",
        "둘 중 하나를 지우거나 첫 번째에 'when'이나 'guard'를 주세요",
    ),
    "left-at-once": Entry(
        "'{state}'{state:은/는} 들어오자마자 나가므로 기다리는 것({keys})은 일어나지 않습니다",
        "조건 없는 'always'는 상태가 기다리는 어떤 것보다 먼저 일어납니다.",
        "'always'에 'when'이나 'guard'를 주거나, 일어나지 않는 것을 지우세요",
    ),
    "constant-condition": Entry(
        "이 조건은 언제나 {value}입니다",
        "바뀔 수 있는 것을 하나도 가리키지 않습니다.",
        "무엇에 달렸는지('data', 'settings', 'event') 쓰거나 지우세요",
    ),
    "eventless-cycle": Entry(
        "이 상태들은 끝없이 서로에게 갑니다: {cycle}",
        "'always' 전이에는 이벤트가 필요 없고, 도는 동안 조건이 바뀌지도 않습니다. 기계가 여기서 멈추게 됩니다.",
        "그 가운데 하나에서 이벤트나 'after'를 기다리거나, 거짓이 되는 조건을 더하세요",
    ),
    "final-goes-on": Entry(
        "'{state}'{state:은/는} 최종 상태이므로 '{key}'{key:은/는} 일어나지 않습니다",
        "최종 상태는 끝입니다. 아무것도 거기서 나가지 않습니다.",
        "'type: final'을 지우거나 이것을 다른 상태로 옮기세요",
    ),
    "history-with-content": Entry(
        "'{state}'{state:은/는} 이력 상태이므로 '{key}'{key:은/는} 일어나지 않습니다",
        "이력 상태는 마지막으로 나온 상태를 가리킬 뿐, 그 안에 머무르지 않습니다.",
        "이 상태가 가리키는 상태들로 옮기세요",
    ),
    "targets-exclude": Entry(
        "'{one}'{one:과/와} '{other}'{other:은/는} 함께 있을 수 없습니다",
        "여러 대상은 병렬 상태 하나의 여러 영역을 위한 것입니다. 다른 상태들은 서로를 배제합니다.",
        "대상을 하나만 남기세요",
    ),
    "cross-region-target": Entry(
        "'{state}'에서 '{parallel}'의 다른 영역에 있는 '{target}'{target:으로/로} 가면 모든 영역이 새로 시작합니다",
        "영역들은 나란히 움직입니다. 다른 영역으로 가는 전이는 병렬 상태 전체를 나갔다가 다시 들어옵니다.",
        "다른 영역에 이벤트를 보내('raise') 스스로 움직이게 하세요",
    ),
    "done-never-happens": Entry(
        "'{state}'{state:은/는} 끝나지 않으므로 이것은 일어나지 않습니다",
        "상태는 그 안의 'final' 상태에 들어가면 끝나는데, 그런 상태가 없습니다.",
        "'{state}' 안에 'type: final' 상태를 더하거나 이것을 지우세요",
    ),
    "waits-forever": Entry(
        "'{state}'{state:은/는} {service}의 답을 끝없이 기다리며, 달리 나가는 길이 없습니다",
        "장치, 서버, 디스크는 영영 답하지 않을 수 있습니다. 그러면 기계가 멈춰 서게 됩니다.",
        "invoke에 'timeout: 10 s'를, 그 'on'에 'timeout'을 더하거나, 상태에 'after'를 더하세요",
    ),
    "waits-for-device": Entry(
        "'{state}'{state:은/는} 장치가 무엇인가 알려야만({events}) 나갑니다",
        "장치는 조용해질 수 있습니다. 그러면 기계가 여기에 머무릅니다.",
        "'after'를 더하거나, 기계가 쉬는 곳이라면 'tags: [safe]'를 더하세요",
    ),
    "timeout-never-fires": Entry(
        "'timeout'은 일어나지 않습니다. 여기서 {service}에는 제한 시간이 없습니다",
        "'service' 옆에 'timeout: ...'이 없으면 다 될 시간도 없습니다.",
        "invoke에 'timeout: 10 s'를 더하거나 이것을 지우세요",
    ),
    "unused-event": Entry(
        "'{name}' 이벤트를 처리하는 상태가 없습니다",
        "선언했지만 어떤 'on'에도 없습니다.",
        "처리하거나 지우세요",
    ),
    "unused-data": Entry(
        "'data.{name}'{name:을/를} 읽는 곳이 없습니다",
        "선언하고 값을 넣었더라도 식, 가드, 서비스 어디에서도 쓰지 않습니다.",
        "쓰거나 지우세요",
    ),
    "data-never-set": Entry(
        "'data.{name}'{name:을/를} 읽지만, 여기에 값을 넣는 곳이 없습니다",
        "기본값도 없고 값을 넣는 동작도 없습니다.",
        "값을 넣거나(assign) 기본값을 주세요",
    ),
    "unused-setting": Entry(
        "'{name}' 설정을 읽는 곳이 없습니다",
        "현장에서 바꾸어도 아무 일도 일어나지 않습니다.",
        "settings.{name}{name:으로/로} 쓰거나 지우세요",
    ),
    "setting-without-default": Entry(
        "'{name}' 설정에 기본값이 없습니다",
        "식은 설정에 언제나 값이 있다고 봅니다. 기본값이 없으면 모든 현장이 값을 적어야 합니다.",
        "'default: ...'를 더하세요",
    ),
    # Across charts
    "unhandled-send": Entry(
        "'{to}'{to:으로/로} 보내는 '{event}'{event:을/를} 처리하는 곳이 없습니다",
        "이 이벤트를 받는 어떤 차트의 'on'에도 없어서, 세기만 하고 버려집니다.",
        "받는 차트에서 처리하거나, 처리하는 것을 보내세요: {known}",
    ),
    "unknown-machine": Entry(
        "이 현장에 '{name}'{name:이라는/라는} 기계가 없습니다",
        "이벤트는 라인 이름, registration, upload, streaming, 또는 self, lines, everyone으로 보냅니다.",
        "기계: {known}",
    ),
    "unknown-field": Entry(
        "'{event}'{event:을/를} 받는 곳에는 '{name}'{name:이/가} 없습니다",
        "이벤트가 무엇을 담는지는 받는 차트가 선언하며, 다른 것은 쓸 수 없습니다.",
        "받는 차트의 'events'에 선언하거나, 이 가운데에서 보내세요: {known}",
    ),
    "setting-needed": Entry(
        "차트에 필요한 '{name}' 설정을 라인이 주지 않았습니다",
        "차트가 이 설정을 기본값 없이 선언했습니다.",
        "라인의 settings에 '{name}: ...'{name:을/를} 더하세요",
    ),
    # Silencing
    "ignore-unreadable": Entry(
        "'engine: {text}'{text:은/는} 읽을 수 없습니다",
        "'engine:'으로 시작하는 주석은 지적을 끄는 데 씁니다.",
        "'# engine: ignore[코드] 이유'처럼 쓰세요",
    ),
    "ignore-unknown": Entry(
        "'{code}'{code:이라는/라는} 지적은 없습니다", "코드를 잘못 적었습니다.", "끌 수 있는 코드: {known}"
    ),
    "ignore-impossible": Entry(
        "'{code}'{code:은/는} 끌 수 없습니다",
        "이것이 있으면 차트를 전혀 실행할 수 없습니다.",
        "지적된 것을 고치고 이 주석을 지우세요",
    ),
    "ignore-needless": Entry(
        "여기에는 끌 '{code}'{code:이/가} 없습니다",
        "이미 고쳤거나 주석이 다른 줄에 있습니다. 주석은 그 줄, 또는 바로 아래 줄에 대한 것입니다.",
        "주석을 지우거나 지적이 있는 곳으로 옮기세요",
    ),
    "ignore-without-reason": Entry(
        "'{code}'{code:을/를} 이유 없이 껐습니다",
        "나중에 읽는 사람이 왜 괜찮은지 알아야 합니다.",
        "뒤에 이유를 쓰세요: '# engine: ignore[{code}] 왜냐하면 ...'",
    ),
    # The command
    "unknown-document": Entry(
        "검사할 수 있는 파일이 아닙니다",
        "차트의 첫머리에는 'chart:'나 'extends:'가, 시퀀스에는 'sequence:'가, 현장 파일에는 'lines:'와 'server:'가, "
        "스테이션 파일에는 'station:'과 'batches:'가 있습니다.",
        "차트, 시퀀스, site.yaml, station.yaml을 적거나, 첫머리에 빠진 것을 넣으세요",
    ),
    "bindings-failed": Entry(
        "현장의 바인딩을 불러올 수 없습니다: {detail}",
        "'bindings'에 적힌 파이썬 파일과 설치된 패키지가 더하는 것을 알아야 나머지를 검사할 수 있습니다.",
        "파이썬 파일을 고치거나 'bindings'에서 빼세요",
    ),
    "nothing-to-validate": Entry(
        "'{place}'에 site.yaml, station.yaml, 시퀀스, 차트가 하나도 없습니다",
        "경로를 적지 않으면 지금 폴더에 있는 현장이나 스테이션의 모든 것을 검사합니다.",
        "그 폴더로 가거나 파일이나 패키지를 적으세요: engine validate site.yaml",
    ),
    "too-many-findings": Entry(
        "이 파일의 지적 {count}개는 보이지 않았습니다",
        "이렇게 많으면 대개 원인이 하나입니다.",
        "앞의 것부터 고치고 다시 검사하세요",
    ),
}
