"""Korean: what can be wrong with the content of a document, and with a site's configuration."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

PHRASES: Final[dict[str, str]] = {
    "did-you-mean": "혹시 '{guess}'{guess:이/가} 아닌가요?",
    "or": " 또는 ",
    "one-of": "{choices} 가운데 하나",
    "write-instead": "{write}{write:이라고/라고} 쓰세요",
    "none": "(없음)",
    "mend": "고치기",
    "note": "참고",
    "first-place": "처음 나온 곳입니다",
    "opened-here": "여기서 열렸습니다",
    "other-device": "다른 장치는 여기 있습니다",
}

WORDS: Final[dict[str, str]] = {
    "map": "맵(키: 값)",
    "list": "목록",
    "text": "글",
    "int": "정수",
    "uuid": "uuid",
    "time": "시각",
    "choice": "정해진 낱말 가운데 하나",
    "window": "측정값 창",
    "any": "아무 값",
    "None": "빈 값",
    "number": "수",
    "flag": "true 또는 false",
    "nothing": "빈 값",
    "duration": "'30 s' 같은 시간",
    "rate": "'10 Hz' 같은 빈도",
    "size": "'200 MB' 같은 크기",
    "mass": "'50 g' 같은 무게",
    "quantity": "'50 g'처럼 단위가 붙은 수",
    "found:duration": "시간",
    "found:rate": "빈도",
    "found:size": "크기",
    "found:mass": "무게",
    "found:quantity": "수량",
    "kind:duration": "시간",
    "kind:rate": "빈도",
    "kind:size": "크기",
    "kind:mass": "무게",
    "kind:quantity": "수량",
    "mac": "auto 또는 'AA:BB:CC:DD:EE:01' 같은 하드웨어 주소",
    "name": "이름('/', '\\', ':'이나 양 끝의 공백 없이)",
    "id": "영문자·숫자로 시작하고 영문자, 숫자, '_', '-', '.'만 쓰는 짧은 이름",
}

ENTRIES: Final[dict[str, Entry]] = {
    "unknown-key": Entry(
        "'{key}'{key:은/는} 여기서 쓰는 키가 아닙니다",
        "키를 잘못 적었거나, 자리가 다르거나, 없는 키입니다.",
        "여기서 쓰는 키: {allowed}",
    ),
    "missing-space": Entry(
        "'{key}:' 뒤에 공백이 없습니다",
        "공백 없는 'key:value'는 YAML에서 한 덩어리의 글입니다.",
        "'{key}: ...'처럼 공백을 두세요",
    ),
    "missing-key": Entry(
        "'{key}'{key:이/가} 없습니다",
        "기본값이 없어서 꼭 적어야 합니다.",
        "여기에 '{key}: ...'{key:을/를} 더하세요",
    ),
    "wrong-type": Entry(
        "{expected}{expected:이/가} 와야 하는데 {found}{found:이/가} 있습니다",
        "이 키가 받는 것과 다른 종류의 값입니다.",
        "{expected}{expected:으로/로} 쓰세요",
    ),
    "needs-quotes": Entry(
        "글이 와야 하는데 {found}{found:이/가} 있습니다",
        "수나 true/false처럼 보이는 것은 따옴표가 없으면 글이 아닙니다.",
        "값을 따옴표로 감싸세요",
    ),
    "wrong-value": Entry(
        "'{value}'{value:은/는} 여기에 쓸 수 없습니다",
        "이 키는 정해진 값 가운데 하나를 받습니다.",
        "이 가운데 하나를 쓰세요: {allowed}",
    ),
    "wrong-form": Entry(
        "'{value}'{value:은/는} 형식이 다릅니다. {expected}{expected:이/가} 와야 합니다",
        "이 키가 받는 형식의 글이 아닙니다.",
        "{expected}{expected:으로/로} 쓰세요",
    ),
    "pattern-mismatch": Entry(
        "'{value}'{value:은/는} 형식이 다릅니다",
        "글이 정해진 패턴에 맞아야 합니다.",
        "{pattern} 패턴에 맞는 글을 쓰세요",
    ),
    "needs-unit": Entry(
        "'{value}'에 단위가 없습니다",
        "수만으로는 초인지 분인지, 그램인지 킬로그램인지 알 수 없습니다.",
        "'{example}'처럼 단위를 쓰세요",
    ),
    "unknown-unit": Entry(
        "'{unit}'{unit:은/는} {kind}의 단위가 아닙니다",
        "단위는 짧은 국제 표기로 씁니다.",
        "여기서 쓰는 단위: {allowed}",
    ),
    "negative-quantity": Entry(
        "'{value}'{value:은/는} 음수입니다",
        "0 이상이어야 합니다.",
        "빼기 부호를 지우세요",
    ),
    "too-small": Entry("{value}{value:은/는} 너무 작습니다", "이 키에는 최솟값이 있습니다.", "{limit} 이상으로 쓰세요"),
    "too-large": Entry("{value}{value:은/는} 너무 큽니다", "이 키에는 최댓값이 있습니다.", "{limit} 이하로 쓰세요"),
    "too-short": Entry(
        "내용이 부족합니다. 키, 항목 또는 글자가 {limit}개 이상 있어야 합니다",
        "비워 둔 것은 아무 뜻이 없습니다. 키를 쓰지 않으면 기본값이 쓰입니다.",
        "뜻하는 것을 쓰거나 키를 지우세요",
    ),
    "too-long": Entry(
        "{limit}개까지만 쓸 수 있습니다",
        "이 자리에 올 글자, 항목 또는 키의 최대 개수가 있습니다.",
        "{limit}개 이하로 쓰세요",
    ),
    "not-unique": Entry(
        "'{value}'{value:이/가} 이 목록에 두 번 있습니다",
        "항목은 한 번씩만 씁니다.",
        "둘 중 하나를 지우세요",
    ),
    "wrong-key-name": Entry(
        "'{key}'{key:은/는} 여기서 이름이 될 수 없습니다",
        "이름의 형식이 정해져 있습니다.",
        "{allowed} 형식의 이름을 쓰세요",
    ),
    "ambiguous": Entry(
        "두 가지로 읽힐 수 있습니다",
        "서로 다른 방식의 키가 섞여 있습니다.",
        "한 가지 방식의 키만 남기세요",
    ),
    "excluded": Entry("여기에 올 수 없습니다", "스키마가 허용하지 않습니다.", "지우세요"),
    "needs-key": Entry(
        "'{key}'에는 '{needed}'{needed:이/가} 함께 있어야 합니다",
        "둘 중 하나만으로는 뜻이 없습니다.",
        "'{needed}: ...'{needed:을/를} 더하거나 '{key}'{key:을/를} 지우세요",
    ),
    "schema-mismatch": Entry(
        "기대한 것과 다릅니다: {detail}",
        "스키마가 허용하지 않습니다.",
        "README와 견주어 보세요",
    ),
    "no-site": Entry(
        "site.yaml이 없습니다. 찾아본 곳: {places}",
        "site.yaml이 없으면 서버와 장치를 알 수 없습니다.",
        "파일을 만들고(README 첫머리에 예시가 있습니다) 실행하세요: engine run --config site.yaml",
    ),
    "environment-missing": Entry(
        "환경 변수 '{variable}'{variable:이/가} 없습니다",
        "'${{이름}}'은 서비스 환경에 있는 값으로 바뀝니다.",
        "서비스를 시작하는 곳에서 {variable}{variable:을/를} 정하거나 값을 직접 쓰세요. "
        "글자 그대로의 '${{'는 '$${{'로 씁니다",
    ),
    "environment-syntax": Entry(
        "'{text}'{text:은/는} 환경 변수의 이름이 아닙니다",
        "이 파일에서 '${{이름}}'은 환경 변수입니다. 식은 차트에서만 씁니다.",
        "영문자, 숫자, '_'로 ${{NAME}}처럼 쓰세요. 글자 그대로의 '${{'는 '$${{'로 씁니다",
    ),
    "bad-url": Entry(
        "'{url}'{url:은/는} 서버 주소가 아닙니다",
        "주소는 http나 https, 호스트, 필요하면 포트와 경로로 이루어지며, 사용자, '?', '#'은 없습니다.",
        "http://192.168.0.10:8000 이나 https://hall.example.com 처럼 쓰세요",
    ),
    "bad-store-url": Entry(
        "'{url}'{url:은/는} 데이터베이스 주소가 아닙니다",
        "저장소는 파일 하나인 SQLite이거나 PostgreSQL입니다.",
        "sqlite:///ledger.sqlite 나 postgresql://user:${{PASSWORD}}@host/name 처럼 쓰세요",
    ),
    "tls-without-https": Entry(
        "'tls'가 있는데 url은 http입니다",
        "인증서는 https에서만 쓰입니다. 이대로는 아무것도 암호화되지 않습니다.",
        "url을 https로 쓰거나 'tls'를 지우세요",
    ),
    "referenced-file-missing": Entry(
        "'{path}' 파일이 없습니다",
        "경로는 이 파일이 있는 곳을 기준으로 합니다.",
        "경로를 확인하거나 파일을 그곳에 두세요",
    ),
    "duplicate-line": Entry(
        "'{line}'{line:이라는/라는} 라인이 또 있습니다",
        "기록과 메시지는 라인의 이름을 담으므로 이름이 서로 달라야 합니다.",
        "둘 중 하나의 이름을 바꾸세요",
    ),
    "port-used-twice": Entry(
        "포트 '{port}'{port:은/는} 이미 {other}에서 씁니다",
        "포트는 한 장치만 열 수 있습니다.",
        "장치마다 포트를 따로 적으세요. 카드와 무게를 함께 보내는 지시계라면 장치 하나에 'protocol: [a, b]'로 쓰세요",
    ),
    "unknown-protocol": Entry(
        "'{protocol}'{protocol:이라는/라는} 프로토콜이 없습니다",
        "프로토콜은 장치의 바이트를 읽는 방법입니다.",
        "프로토콜: {allowed}",
    ),
    "unknown-chart": Entry(
        "'{name}'{name:이라는/라는} 차트가 없습니다",
        "차트는 제공된 이름이나 파일 경로로 적습니다.",
        "제공된 차트: {known}. 직접 만든 파일은 ./name.yaml 처럼 쓰세요",
    ),
    "protocols-clash": Entry(
        "{protocols}{protocols:은/는} 한 포트를 같이 쓸 수 없습니다",
        "한 포트에 든 두 저울의 바이트는 구별할 수 없습니다. 카드와 저울 하나는 구별됩니다.",
        "하나만 남기거나 장치마다 포트를 따로 적으세요",
    ),
    "line-setting-needed": Entry(
        "이 포트의 프로토콜들은 '{key}'{key:이/가} 서로 다릅니다({values})",
        "포트의 설정은 하나인데, 장치가 어느 쪽으로 맞춰져 있는지 알 수 없습니다.",
        "장치에 '{key}: ...'{key:을/를} 더하세요",
    ),
    "must-be-positive": Entry(
        "'{value}'{value:은/는} 0보다 커야 합니다",
        "0이면 서비스가 그 일만 하거나 아무것도 하지 않습니다.",
        "0보다 큰 값을 쓰세요",
    ),
    "upload-field-taken": Entry(
        "'{name}'{name:은/는} 이미 보내고 있습니다",
        "uuid, rfid_uid, weight, measured_at은 서버와 약속한 이름입니다. 현장이 더하는 것은 다른 이름이어야 합니다.",
        "다른 이름을 고르세요",
    ),
    "unknown-upload-source": Entry(
        "기록에 '{name}'{name:이/가} 없습니다",
        "보낼 수 있는 것은 기록의 칸이나 현장의 차트가 'extra'로 저장하는 값입니다.",
        "쓸 수 있는 것: {known}",
    ),
    "median-not-odd": Entry(
        "{value}개의 측정값에는 가운데 값이 없습니다",
        "필터는 몇 개의 측정값 가운데 중간 값을 고르므로 홀수여야 합니다.",
        "3이나 5를 쓰세요",
    ),
}
