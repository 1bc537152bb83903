"""English: what can be wrong with the content of a document, and with a site's configuration."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

PHRASES: Final[dict[str, str]] = {
    "did-you-mean": "did you mean '{guess}'?",
    "or": " or ",
    "one-of": "one of {choices}",
    "write-instead": "write {write}",
    "none": "(none)",
    "mend": "mend",
    "note": "note",
    "first-place": "the first one is here",
    "opened-here": "it opens here",
    "other-device": "the other device is here",
}

WORDS: Final[dict[str, str]] = {
    "map": "a mapping (key: value)",
    "list": "a list",
    "text": "a text",
    "int": "a whole number",
    "uuid": "a uuid",
    "time": "a point in time",
    "choice": "one of a few words",
    "window": "a window of readings",
    "any": "any value",
    "None": "nothing",
    "number": "a number",
    "flag": "true or false",
    "nothing": "nothing",
    "duration": "a duration such as '30 s'",
    "rate": "a rate such as '10 Hz'",
    "size": "a size such as '200 MB'",
    "mass": "a mass such as '50 g'",
    "quantity": "a number with a unit such as '50 g'",
    "found:duration": "a time",
    "found:rate": "a rate",
    "found:size": "a size",
    "found:mass": "a mass",
    "found:quantity": "a quantity",
    "kind:duration": "time",
    "kind:rate": "rate",
    "kind:size": "size",
    "kind:mass": "mass",
    "kind:quantity": "any quantity",
    "mac": "'auto' or a hardware address such as 'AA:BB:CC:DD:EE:01'",
    "name": "a name (without '/', '\\', ':' and blanks at its ends)",
    "id": "a short name of A-Z, a-z, 0-9, '_', '-' and '.', with a letter or a digit first",
}

ENTRIES: Final[dict[str, Entry]] = {
    "unknown-key": Entry(
        "'{key}' is not a key here",
        "The key is misspelt, stands in the wrong place, or does not exist.",
        "keys here are: {allowed}",
    ),
    "missing-space": Entry(
        "a space is missing after '{key}:'",
        "YAML reads 'key:value' without a space as one text.",
        "write '{key}: ...' with a space",
    ),
    "missing-key": Entry(
        "'{key}' is missing",
        "It has no default: somebody has to say it.",
        "add '{key}: ...' here",
    ),
    "wrong-type": Entry(
        "expected {expected}, found {found}",
        "The value is of another kind than this key takes.",
        "write {expected}",
    ),
    "needs-quotes": Entry(
        "expected a text, found {found}",
        "What looks like a number or true/false is one, unless it stands in quotes.",
        "put quotes around the value",
    ),
    "wrong-value": Entry(
        "'{value}' is not possible here",
        "This key takes one of a few values.",
        "write one of: {allowed}",
    ),
    "wrong-form": Entry(
        "'{value}' is not {expected}",
        "The text does not have the form that this key takes.",
        "write {expected}",
    ),
    "pattern-mismatch": Entry(
        "'{value}' does not have the expected form",
        "The text has to match a pattern.",
        "write a text that matches {pattern}",
    ),
    "needs-unit": Entry(
        "'{value}' has no unit",
        "A bare number does not say whether it means seconds or minutes, grams or kilograms.",
        "write the unit, as in '{example}'",
    ),
    "unknown-unit": Entry(
        "'{unit}' is not a unit of {kind}",
        "Units are written in their short international form.",
        "units here are: {allowed}",
    ),
    "negative-quantity": Entry(
        "'{value}' is negative",
        "This can only be zero or more.",
        "remove the minus sign",
    ),
    "too-small": Entry("{value} is too small", "There is a lowest value for this key.", "write {limit} or more"),
    "too-large": Entry("{value} is too large", "There is a highest value for this key.", "write {limit} or less"),
    "too-short": Entry(
        "too little stands here: at least {limit} key, item or character is needed",
        "What is empty says nothing; a key that is left out has its default.",
        "write what is meant, or remove the key",
    ),
    "too-long": Entry(
        "at most {limit} can be given here",
        "There is a highest number of characters, items or keys for this place.",
        "write {limit} or fewer",
    ),
    "not-unique": Entry("'{value}' stands in this list twice", "Each item counts once.", "remove one of the two"),
    "wrong-key-name": Entry(
        "'{key}' cannot be a name here",
        "Names here have a fixed form.",
        "choose a name of the form {allowed}",
    ),
    "ambiguous": Entry(
        "this can be read in more than one way",
        "The keys of two alternatives are mixed.",
        "keep the keys of one alternative",
    ),
    "excluded": Entry("this cannot stand here", "The schema excludes it.", "remove it"),
    "needs-key": Entry(
        "'{key}' needs '{needed}' beside it",
        "One of the two has no meaning alone.",
        "add '{needed}: ...' or remove '{key}'",
    ),
    "schema-mismatch": Entry(
        "this is not as expected: {detail}", "The schema does not allow it.", "compare the README"
    ),
    "no-site": Entry(
        "no site.yaml found; looked for: {places}",
        "Without a site.yaml the service does not know its server and its devices.",
        "write one (the README begins with an example), then run: engine run --config site.yaml",
    ),
    "environment-missing": Entry(
        "the environment variable '{variable}' is not set",
        "'${{NAME}}' is replaced by what the environment of the service holds.",
        "set {variable} where the service is started, or write the value here; '$${{' stands for a plain '${{'",
    ),
    "environment-syntax": Entry(
        "'{text}' is not the name of an environment variable",
        "In this file '${{NAME}}' stands for an environment variable; expressions live in charts.",
        "write ${{NAME}} with letters, digits and '_'; '$${{' stands for a plain '${{'",
    ),
    "bad-url": Entry(
        "'{url}' is not the address of a server",
        "An address has http or https, a host and perhaps a port and a path, and no user, '?' or '#'.",
        "write it like http://192.168.0.10:8000 or https://hall.example.com",
    ),
    "bad-store-url": Entry(
        "'{url}' is not the address of a database",
        "The store is SQLite in a file, or PostgreSQL.",
        "write sqlite:///ledger.sqlite or postgresql://user:${{PASSWORD}}@host/name",
    ),
    "tls-without-https": Entry(
        "'tls' is set, but the url is http",
        "Certificates are used by https only; as it stands, nothing is encrypted.",
        "write the url with https, or remove 'tls'",
    ),
    "referenced-file-missing": Entry(
        "there is no file '{path}'",
        "Paths are relative to this file.",
        "check the path, or put the file there",
    ),
    "duplicate-line": Entry(
        "a second line is called '{line}'",
        "Records and messages name their line: each needs a name of its own.",
        "give one of the two another name",
    ),
    "port-used-twice": Entry(
        "port '{port}' is already used by {other}",
        "A port is opened by one device only.",
        "give each device its own port; for one indicator that sends cards and weights, "
        "make it one device with 'protocol: [a, b]'",
    ),
    "unknown-protocol": Entry(
        "no protocol is called '{protocol}'",
        "The protocol says how the bytes of a device are read.",
        "protocols are: {allowed}",
    ),
    "unknown-chart": Entry(
        "no chart is called '{name}'",
        "A chart is named by a shipped name, or by the path of a file.",
        "shipped charts are: {known}; a file of your own is written as ./name.yaml",
    ),
    "protocols-clash": Entry(
        "{protocols} cannot share a port",
        "Bytes of two scales on one port cannot be told apart; cards and one scale can.",
        "keep one of them, or give each device a port of its own",
    ),
    "line-setting-needed": Entry(
        "the protocols on this port differ in '{key}' ({values})",
        "A port has one setting; which of them the device is set to cannot be known.",
        "add '{key}: ...' to the device",
    ),
    "must-be-positive": Entry(
        "'{value}' must be more than zero",
        "With zero the service would do nothing else, or nothing at all.",
        "write a value above zero",
    ),
    "upload-field-taken": Entry(
        "'{name}' is uploaded already",
        "The server's contract names uuid, rfid_uid, weight and measured_at; what a site adds goes by another name.",
        "choose another name",
    ),
    "unknown-upload-source": Entry(
        "a record has no '{name}'",
        "What is uploaded is a column of the record, or what a chart of the site saves under 'extra'.",
        "possible are: {known}",
    ),
    "median-not-odd": Entry(
        "a median of {value} readings has no middle",
        "The filter takes the middle one of a few readings, so it needs an odd number of them.",
        "write 3 or 5",
    ),
}
