"""English: what can be wrong with a list of cards."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "card-file-empty": Entry(
        "there are no cards in this file",
        "Below the row of column names there must be a row for every card.",
        "check that this is the file you meant; nothing was imported",
    ),
    "card-column-missing": Entry(
        "no column holds the numbers of the cards; columns are: {columns}",
        "The first row names the columns, and one of them must be the card's number.",
        "call it 'uid' (카드번호) for hexadecimal digits, or 'decimal' (10진번호) for the number printed on the card",
    ),
    "card-column-twice": Entry(
        "the columns '{other}' and '{column}' mean the same",
        "Two columns have one name, or two names of one meaning, and it cannot be known which one counts.",
        "rename or remove one of them",
    ),
    "card-row-unreadable": Entry(
        "this row cannot be read: {reason}",
        "The file is not a table as spreadsheets save it.",
        "save it again as CSV",
    ),
    "card-uid-missing": Entry(
        "this row has no card number",
        "Every card is known by its number.",
        "fill it in, or remove the row",
    ),
    "card-uid-malformed": Entry(
        "'{text}' is no card number in hexadecimal digits",
        "Readers give two digits, 0 to 9 and A to F, for every byte. A spreadsheet that takes the column for numbers "
        "drops leading zeros or writes 1.2E+09.",
        "write it as the reader shows it, such as 0A006091E1, and keep the column as text; if it is the decimal number "
        "printed on the card, call the column 'decimal' (10진번호)",
    ),
    "card-decimal-malformed": Entry(
        "'{text}' is no decimal number as printed on EM4100 cards",
        "They show ten digits up to 4294967295, or three and five digits such as 096,37345, or both.",
        "copy it from the card as it stands there",
    ),
    "card-numbers-differ": Entry(
        "'{text}' and the decimal number '{decimal}' are not the same card",
        "The decimal number is the end of the hexadecimal one, written in another way.",
        "correct one of them, or leave one cell empty",
    ),
    "card-duplicate": Entry(
        "card {uid} is in this file twice",
        "A card has one name and one meaning.",
        "remove one of the rows",
    ),
    "card-active-unclear": Entry(
        "'{text}' does not say whether the card is in use",
        "A card that is wrongly in use lets boxes be recorded on it.",
        "write 1 or 0, yes or no, 사용 or 중지",
    ),
    "card-text-refused": Entry(
        "'{text}' cannot be stored",
        "A name and everything beside it has a length that a table and a screen can hold.",
        "write at most {limit} characters, without control characters",
    ),
    "card-cell-without-column": Entry(
        "'{text}' stands in a column without a name",
        "The row has more cells than the first row has names; perhaps a text with a comma lacks its quotes.",
        "name the column in the first row, or put the text in quotes",
    ),
    "card-looks-decimal": Entry(
        "every number in '{column}' has ten decimal digits, such as '{example}'; they were taken as hexadecimal",
        "What is printed on EM4100 cards is a decimal number, and readers give another, hexadecimal one.",
        "if they were copied from the cards, call the column 'decimal' (10진번호) and import again",
    ),
}
