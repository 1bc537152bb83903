"""The catalogue of everything that ``protocol:`` in site.yaml may name, as Markdown, in English or Korean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from engine.documents.language import Language
from parsers import ProtocolInfo

_WORDS: Final[Mapping[str, dict[Language, str]]] = {
    "title": {"en": "Protocols", "ko": "프로토콜"},
    "use": {
        "en": "What `protocol:` of a device in site.yaml may name. The line is how devices leave the factory.",
        "ko": "site.yaml에서 장치의 `protocol:`에 쓰는 이름. 통신 설정은 공장 출하 때의 값이다.",
    },
    "scale": {"en": "scale", "ko": "저울"},
    "reader": {"en": "card reader", "ko": "카드 리더"},
    "proven": {"en": "yes", "ko": "예"},
    "unproven": {"en": "**not yet**", "ko": "**아직**"},
    "polled": {"en": "when asked", "ko": "요청하면"},
    "by-itself": {"en": "by itself", "ko": "스스로"},
    "unproven-means": {
        "en": "Not yet proven: known from descriptions only; nobody has logged its frames from a device.",
        "ko": "아직 확인되지 않음: 설명서로만 알며, 실제 장치에서 받은 기록이 없다.",
    },
}
_COLUMNS: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": ("Name", "Device", "Kind", "Line", "Sends", "Proven", "Also called"),
    "ko": ("이름", "장치", "종류", "통신 설정", "전송", "확인됨", "다른 이름"),
}


def protocols_catalogue(protocols: Mapping[str, ProtocolInfo], language: Language) -> str:
    """One table of all protocols, by name."""
    return "\n".join(_lines(protocols, language)) + "\n"


def _lines(protocols: Mapping[str, ProtocolInfo], language: Language) -> Iterator[str]:
    columns = _COLUMNS[language]
    yield from (f"# {_word('title', language)}", "", _word("use", language), "")
    yield _row(columns)
    yield _row(["---"] * len(columns))
    infos = [protocols[name] for name in sorted(protocols)]
    yield from (_row(_cells(info, language)) for info in infos)
    if not all(info.is_proven for info in infos):
        yield from ("", _word("unproven-means", language))


def _cells(info: ProtocolInfo, language: Language) -> list[str]:
    return [
        f"`{info.name}`",
        info.title_ko if language == "ko" and info.title_ko else info.title,
        _word(info.kind, language),
        str(info.line),
        _word("by-itself" if info.ask is None else "polled", language),
        _word("proven" if info.is_proven else "unproven", language),
        ", ".join(f"`{alias}`" for alias in info.aliases),
    ]


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _word(name: str, language: Language) -> str:
    return _WORDS[name][language]
