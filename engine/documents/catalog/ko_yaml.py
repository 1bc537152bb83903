"""Korean: what can be wrong with a file before its content is looked at."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

# What Python and the system say, in words that fit here.
WORDS: Final[dict[str, str]] = {
    "encoding:?": "알 수 없는 인코딩",
    "reason:not a regular file": "보통 파일이 아닙니다",
    "reason:Permission denied": "읽을 권한이 없습니다",
    "reason:Too many levels of symbolic links": "심볼릭 링크가 자기 자신을 가리킵니다",
    "reason:Input/output error": "입출력 오류",
    "reason:File name too long": "이름이 너무 깁니다",
    "reason:the expression ends too early": "식이 중간에 끝났습니다",
    "reason:the expression is empty": "식이 비었습니다",
    "reason:'${' was never closed": "'${'가 닫히지 않았습니다",
    "reason:invalid syntax": "문법에 맞지 않습니다",
    "reason:unterminated string literal (detected at line 1)": "따옴표가 닫히지 않았습니다",
    "reason:invalid syntax. Perhaps you forgot a comma?": "쉼표나 연산자가 빠진 듯합니다",
    "reason:invalid syntax. Maybe you meant '==' or ':=' instead of '='?": "'='는 비교가 아닙니다. '=='로 씁니다",
    "reason:invalid decimal literal": "수를 잘못 썼습니다",
    "reason:'(' was never closed": "'('가 닫히지 않았습니다",
    "reason:'[' was never closed": "'['가 닫히지 않았습니다",
    "reason:'{' was never closed": "'{'가 닫히지 않았습니다",
    "reason:unmatched ')'": "')'에 맞는 여는 괄호가 없습니다",
    "reason:unmatched ']'": "']'에 맞는 여는 괄호가 없습니다",
    "reason:unmatched '}'": "'}'에 맞는 여는 괄호가 없습니다",
}

ENTRIES: Final[dict[str, Entry]] = {
    "file-missing": Entry(
        "파일이 없습니다",
        "경로를 잘못 적었거나, 현재 폴더가 아닌 다른 폴더를 기준으로 한 경로입니다.",
        "경로를 확인하세요",
    ),
    "file-is-a-folder": Entry(
        "파일이 아니라 폴더입니다",
        "파일이 필요한 자리에 폴더를 적었습니다.",
        "그 안의 파일을 적으세요",
    ),
    "file-unreadable": Entry(
        "파일을 읽을 수 없습니다: {reason}",
        "운영체제가 파일을 열거나 읽지 못하게 했습니다.",
        "읽기 권한이 있는지, 보통 파일인지 확인하세요",
    ),
    "file-too-large": Entry(
        "파일이 {size}바이트입니다. {limit}바이트까지만 읽습니다",
        "설정은 사람이 쓰는 작은 파일입니다. 이것은 다른 파일로 보입니다.",
        "의도한 파일이 맞는지 확인하세요",
    ),
    "not-utf-8": Entry(
        "글의 인코딩이 UTF-8이 아니라 {encoding}입니다",
        "편집기가 다른 인코딩으로 저장했습니다. 예전 한국어 윈도우 편집기는 CP949를 씁니다.",
        "파일을 UTF-8로 저장하세요",
    ),
    "binary-file": Entry(
        "글이 아니라 이진 파일입니다",
        "글에는 없는 바이트가 들어 있습니다.",
        "의도한 파일이 맞는지 확인하세요",
    ),
    "control-character": Entry(
        "보이지 않는 문자 {character}{character:이/가} 있습니다",
        "터미널이나 문서에서 복사할 때 제어 문자가 따라옵니다.",
        "지우고 그 줄을 다시 입력하세요",
    ),
    "empty-document": Entry(
        "빈 줄과 주석뿐인 파일입니다",
        "아직 내용을 쓰지 않았거나 모든 줄이 '#'으로 시작합니다.",
        "README의 예시에서 시작하세요",
    ),
    "nested-too-deeply": Entry(
        "{limit}단계보다 깊이 들어가 있습니다",
        "이렇게 깊은 차트는 아무도 따라갈 수 없고, 대개 들여쓰기가 밀려서 생깁니다.",
        "나누거나 들여쓰기를 확인하세요",
    ),
    "too-many-values": Entry(
        "별칭('*이름')을 풀면 값이 {limit}개를 넘습니다",
        "별칭의 별칭 몇 개가 수십억 개의 값을 뜻할 수 있습니다.",
        "별칭을 줄이거나 파일을 나누세요",
    ),
    "several-documents": Entry(
        "여기서 두 번째 문서가 시작됩니다",
        "'---'나 '...' 줄은 YAML 문서를 끝냅니다. 한 파일에는 문서가 하나입니다.",
        "그 줄을 지우거나 뒷부분을 다른 파일로 옮기세요",
    ),
    "key-not-text": Entry(
        "목록이나 맵은 키가 될 수 없습니다",
        "키 자리에 괄호가 있습니다. 따옴표 없는 '{{ 이름 }}'도 이렇게 읽힙니다.",
        "키는 낱말로 쓰고, 값이라면 따옴표로 감싸세요",
    ),
    "empty-key": Entry(
        "':' 앞에 키가 없습니다",
        "줄이 콜론으로 시작합니다.",
        "콜론 앞에 키를 쓰세요",
    ),
    "unknown-alias": Entry(
        "'*{alias}'{alias:은/는} '&{alias}'{alias:을/를} 뜻하는데, 앞에 그런 것이 없습니다",
        "YAML에서 '*'로 시작하는 값은 별칭입니다.",
        "값이라면 따옴표로 감싸고, 별칭이라면 가리킬 곳에 '&{alias}'{alias:을/를} 쓰세요",
    ),
    "alias-inside-itself": Entry(
        "'*{alias}'{alias:이/가} '&{alias}' 자신 안에 있습니다",
        "값이 자기 자신을 담을 수는 없습니다.",
        "값을 풀어서 쓰세요",
    ),
    "number-out-of-range": Entry(
        "무한대이거나 수가 아니거나 지나치게 긴 수입니다",
        "여기서 수는 유한하고 40자리까지입니다.",
        "더 짧게 쓰고, 수가 아니라 글이라면 따옴표로 감싸세요",
    ),
    "duplicate-key": Entry(
        "'{key}'{key:이/가} 또 나옵니다. {line}번째 줄에 이미 있습니다",
        "한 맵에서 키는 한 번만 쓸 수 있습니다. 둘 중 어느 것인지 알 수 없습니다.",
        "둘 중 하나만 남기세요",
    ),
    "merge-not-a-map": Entry(
        "'<<'는 맵의 키를 가져오는데, 이것은 맵이 아닙니다",
        "'<<:' 뒤에는 맵의 별칭이나 그 목록이 옵니다.",
        "'<<: *common'처럼 앵커가 붙은 맵을 적으세요",
    ),
    "tag-not-used": Entry(
        "태그 '{tag}'{tag:은/는} 여기서 아무 뜻이 없습니다",
        "YAML에서 '!'로 시작하는 값은 태그입니다. 이 파일들은 태그를 쓰지 않습니다.",
        "태그를 지우거나 값을 따옴표로 감싸세요",
    ),
    "yaml-tab": Entry(
        "탭이 있습니다. YAML은 공백으로 들여씁니다",
        "탭의 너비는 편집기마다 달라서 YAML은 그 자리에 탭을 허용하지 않습니다.",
        "탭을 공백으로 바꾸세요",
    ),
    "yaml-reserved-character": Entry(
        "값은 '{character}'{character:으로/로} 시작할 수 없습니다",
        "YAML이 따로 쓰는 문자입니다.",
        "값을 따옴표로 감싸세요",
    ),
    "yaml-missing-colon": Entry(
        "이 줄에 ':'이 없습니다",
        "맵에서는 줄마다 '키: 값'입니다.",
        "'키: 값'으로 쓰거나 줄을 제자리로 옮기세요",
    ),
    "yaml-colon-in-value": Entry(
        "한 줄에 ': '이 또 있습니다",
        "콜론과 공백은 값을 시작합니다. 그것이 든 값은 따옴표가 필요합니다.",
        "값을 따옴표로 감싸세요",
    ),
    "yaml-indentation": Entry(
        "이 줄의 들여쓰기가 위 줄들과 맞지 않습니다",
        "함께 있는 줄은 같은 칸에서, 안에 든 줄은 더 오른쪽에서 시작합니다.",
        "같은 묶음의 줄과 칸을 맞추세요",
    ),
    "yaml-dash": Entry(
        "여기서 목록을 시작할 수 없습니다",
        "'- '는 항목을 시작하며, 줄의 맨 앞에 씁니다.",
        "항목을 새 줄로 옮기거나 [a, b]로 쓰세요",
    ),
    "yaml-unclosed-quote": Entry(
        "여기서 연 따옴표가 닫히지 않았습니다",
        "파일 끝까지 한 덩어리의 글로 읽혔습니다.",
        "따옴표를 닫으세요. '...' 안의 따옴표는 두 번 쓰고, \"...\" 안에서는 앞에 \\를 씁니다",
    ),
    "yaml-unclosed-bracket": Entry(
        "여기서 연 '{bracket}'{bracket:이/가} 닫히지 않았습니다",
        "그 안에서 파일이 끝났습니다.",
        "빠진 '{closing}'{closing:을/를} 쓰세요",
    ),
    "yaml-bracket": Entry(
        "이 앞에 ',' 또는 '{closing}'{closing:이/가} 없습니다",
        "괄호 안의 항목은 쉼표로 나누고 닫는 괄호로 끝냅니다.",
        "쉼표나 '{closing}'{closing:을/를} 쓰세요. ':'나 ','가 든 글은 따옴표가 필요합니다",
    ),
    "yaml-dollar": Entry(
        "여기서는 '${{...}}'를 따옴표로 감싸야 합니다",
        "괄호 안에서 YAML은 '$' 뒤의 '{{'를 맵의 시작으로 읽습니다.",
        '값 전체를 "${{NAME}}"처럼 큰따옴표로 감싸세요',
    ),
    "yaml-extra-bracket": Entry(
        "이 '{bracket}'에 짝이 없습니다",
        "닫는 괄호가 여는 괄호보다 많습니다.",
        "지우거나, 글의 일부라면 따옴표로 감싸세요",
    ),
    "yaml-after-value": Entry(
        "값이 끝났는데 뒤에 무언가 더 있습니다",
        "따옴표로 감싼 글이나 괄호에서 값이 끝납니다. '...' 안의 따옴표는 글을 일찍 끝냅니다.",
        "뒤의 것을 지우세요. '...' 안의 따옴표는 두 번 씁니다",
    ),
    "yaml-escape": Entry(
        '"..." 안의 \\는 특수 문자를 시작하는데, 그런 특수 문자가 없습니다',
        '큰따옴표 안에서 \\는 특별합니다. "C:\\data" 같은 윈도우 경로가 여기에 걸립니다.',
        "\\를 두 번 쓰거나 작은따옴표를 쓰세요",
    ),
    "yaml-value-expected": Entry(
        "여기에 값이 없습니다",
        "값이 올 자리에 쉼표나 괄호가 있습니다.",
        "값을 쓰거나 남는 쉼표를 지우세요",
    ),
    "yaml-syntax": Entry(
        "YAML이 아닙니다: {detail}",
        "YAML로 읽을 수 없는 글입니다.",
        "README의 예시와 견주어 보세요",
    ),
}
