"""English: what can be wrong with a file before its content is looked at."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

# What Python and the system say, in words that fit here.
WORDS: Final[dict[str, str]] = {
    "encoding:?": "an encoding that cannot be told",
    "reason:unterminated string literal (detected at line 1)": "a quote is never closed",
    "reason:invalid syntax. Perhaps you forgot a comma?": "invalid syntax; perhaps a comma or an operator is missing",
    "reason:invalid syntax. Maybe you meant '==' or ':=' instead of '='?": "'=' compares nothing; '==' does",
}

ENTRIES: Final[dict[str, Entry]] = {
    "file-missing": Entry(
        "there is no such file",
        "The path was mistyped, or is relative to another folder than the current one.",
        "check the path",
    ),
    "file-is-a-folder": Entry(
        "this is a folder, not a file",
        "A file was expected, and a folder was named.",
        "name the file inside it",
    ),
    "file-unreadable": Entry(
        "the file cannot be read: {reason}",
        "The operating system refused to open or read it.",
        "check who may read the file, and that it is an ordinary file",
    ),
    "file-too-large": Entry(
        "the file has {size} bytes; at most {limit} are read",
        "Configuration is written by people and is small; this is something else.",
        "check that this is the file you meant",
    ),
    "not-utf-8": Entry(
        "the text is not in UTF-8 but in {encoding}",
        "An editor saved the file in another encoding; old Korean Windows editors use CP949.",
        "save the file as UTF-8",
    ),
    "binary-file": Entry(
        "this is a binary file, not a text",
        "It holds bytes that no text has.",
        "check that this is the file you meant",
    ),
    "control-character": Entry(
        "the invisible character {character} stands here",
        "Control characters come along when text is copied from a terminal or a document.",
        "delete it and type the line again",
    ),
    "empty-document": Entry(
        "the file holds nothing but blanks and comments",
        "It was never filled in, or every line starts with '#'.",
        "start from an example in the README",
    ),
    "nested-too-deeply": Entry(
        "this is nested deeper than {limit} levels",
        "A chart that deep cannot be followed by anyone, and most often comes from a slipped indentation.",
        "split it, or check the indentation",
    ),
    "too-many-values": Entry(
        "the file holds more than {limit} values once its aliases ('*name') are expanded",
        "A few aliases of aliases can stand for billions of values.",
        "use fewer aliases, or split the file",
    ),
    "several-documents": Entry(
        "a second document begins here",
        "A line '---' or '...' ends a YAML document; one file holds one document.",
        "remove the line, or move what follows into a file of its own",
    ),
    "key-not-text": Entry(
        "a list or mapping cannot be a key",
        "Braces or brackets stand where a key is expected; '{{ name }}' without quotes is read like that too.",
        "write a plain word as the key, or put quotes around the value",
    ),
    "empty-key": Entry(
        "the key before this ':' is missing",
        "A line begins with a colon.",
        "write the key before the colon",
    ),
    "unknown-alias": Entry(
        "'*{alias}' stands for '&{alias}', which is nowhere before it",
        "A value that starts with '*' is an alias in YAML.",
        "put quotes around the value, or write '&{alias}' at what it stands for",
    ),
    "alias-inside-itself": Entry(
        "'*{alias}' stands inside '&{alias}' itself",
        "A value cannot contain itself.",
        "write the value out",
    ),
    "number-out-of-range": Entry(
        "this number is infinite, not a number, or absurdly long",
        "Numbers here have at most 40 digits and are finite.",
        "write a shorter number, or put quotes around it if it is a text",
    ),
    "duplicate-key": Entry(
        "'{key}' stands here again; it is already on line {line}",
        "A key counts once in a mapping; which of the two is meant cannot be known.",
        "keep one of the two",
    ),
    "merge-not-a-map": Entry(
        "'<<' takes over the keys of a mapping, and this is none",
        "Behind '<<:' stands an alias of a mapping, or a list of those.",
        "name a mapping that carries an anchor, as in '<<: *common'",
    ),
    "tag-not-used": Entry(
        "the tag '{tag}' means nothing here",
        "A value that starts with '!' is a tag in YAML; no tags are used in these files.",
        "remove the tag, or put quotes around the value",
    ),
    "yaml-tab": Entry(
        "a tab stands here; YAML is indented with spaces",
        "Tabs are as wide as each editor likes, so YAML does not allow them there.",
        "replace the tab by spaces",
    ),
    "yaml-reserved-character": Entry(
        "a value cannot begin with '{character}'",
        "YAML keeps this character for itself.",
        "put quotes around the value",
    ),
    "yaml-missing-colon": Entry(
        "a ':' is missing on this line",
        "In a mapping every line is 'key: value'.",
        "write 'key: value', or put the line where it belongs",
    ),
    "yaml-colon-in-value": Entry(
        "a second ': ' on one line",
        "A colon and a space begin a value; a value that holds them needs quotes.",
        "put quotes around the value",
    ),
    "yaml-indentation": Entry(
        "this line does not fit the indentation of the lines above it",
        "Lines that belong together begin in the same column; lines inside something begin further right.",
        "line it up with the lines it belongs to",
    ),
    "yaml-dash": Entry(
        "a list cannot begin here",
        "A '- ' begins an item, and stands at the start of its own line.",
        "move the item to a line of its own, or write the list as [a, b]",
    ),
    "yaml-unclosed-quote": Entry(
        "the quote that opens here is never closed",
        "Everything up to the end of the file was read as one text.",
        "close the quote; a quote inside '...' is written twice, inside \"...\" with a backslash",
    ),
    "yaml-unclosed-bracket": Entry(
        "the '{bracket}' that opens here is never closed",
        "The file ends inside it.",
        "write the '{closing}' that is missing",
    ),
    "yaml-bracket": Entry(
        "a ',' or '{closing}' is missing before this",
        "Inside brackets items are separated by commas, and a bracket ends them.",
        "write the comma or the '{closing}'; a text that holds ':' or ',' needs quotes",
    ),
    "yaml-dollar": Entry(
        "'${{...}}' needs quotes here",
        "Inside brackets or braces YAML takes the '{{' behind the '$' for the beginning of a mapping.",
        'put double quotes around the whole value, as in "${{NAME}}"',
    ),
    "yaml-extra-bracket": Entry(
        "this '{bracket}' closes nothing",
        "There are more closing brackets than opening ones.",
        "remove it, or put quotes around the text it belongs to",
    ),
    "yaml-after-value": Entry(
        "the value has ended, and something follows it",
        "A text in quotes, or a bracket, ends a value; a quote inside '...' ends the text too early.",
        "remove what follows; a quote inside '...' is written twice",
    ),
    "yaml-escape": Entry(
        'a backslash inside "..." begins a special character, and this is none',
        'Inside double quotes a backslash is special; Windows paths like "C:\\data" fall for it.',
        "write the backslash twice, or use single quotes",
    ),
    "yaml-value-expected": Entry(
        "a value is missing here",
        "There is a comma or a bracket where a value is expected.",
        "write the value, or remove the extra comma",
    ),
    "yaml-syntax": Entry(
        "this is not YAML: {detail}",
        "The reader of YAML could make nothing of it.",
        "compare the line with an example in the README",
    ),
}
