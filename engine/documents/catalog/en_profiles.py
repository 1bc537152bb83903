"""English: what can be wrong with a protocol profile."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "profile-pattern-refused": Entry(
        "RE2 refuses this pattern: {reason}",
        "Patterns are matched by RE2, in linear time whatever a wire sends.",
        "RE2 has no look-around (?= (?! (?<, no back-references \\1, no possessive (?> or ++ and no repetition beyond "
        "1000: say it without; where fields stand at places, give places instead of a pattern",
    ),
    "profile-group-missing": Entry(
        "the pattern has no group called '{field}'",
        "In a shape with a pattern every field is the named group of its name, as in (?P<value>[0-9]+).",
        "groups here are: {allowed}",
    ),
    "profile-group-unused": Entry(
        "the pattern's group '{group}' is no field",
        "A named group means something: what it means stands under 'fields'.",
        "add it under 'fields', or make it a group without a name: (?:...)",
    ),
    "profile-pattern-without-end": Entry(
        "a pattern needs frames that have an end",
        "Only the end of a frame says where a field of varying length is over.",
        "give 'end' under 'frame', or give places instead of a pattern",
    ),
    "profile-place-in-pattern": Entry(
        "'{key}' means nothing in a shape that has a pattern",
        "A shape says where its fields stand either by places or by a pattern.",
        "delete '{key}', or the pattern",
    ),
    "profile-pattern-only": Entry(
        "'{key}' means nothing in a shape without a pattern",
        "At a place there is always something; only the group of a pattern may take no part.",
        "delete it",
    ),
    "profile-unit-sent": Entry(
        "the shape has a fixed unit and a field of it",
        "'unit' of a shape is for devices that do not send any.",
        "delete one of the two",
    ),
    "profile-length-varies": Entry(
        "a shape without a pattern has one length, not {value}",
        "Fields that stand at places stand in frames of one length.",
        "give one number; for another length add another shape",
    ),
    "profile-out-of-frame": Entry(
        "{value} lies outside the frame, which has {length} bytes",
        "Places count from 1, with the start and the end of the frame, and end no earlier than they begin.",
        "check the place, and the length of the shape",
    ),
    "profile-overlap": Entry(
        "'{field}' covers bytes of {other}",
        "A byte belongs to one field only. The frame's start and end take theirs as well.",
        "check the places; what only has to be so belongs under 'checks'",
    ),
    "profile-code-width": Entry(
        "the code '{code}' has {length} characters, its field {width}",
        "A code fills its field; blanks count.",
        "write it with its blanks, in quotes, or check the place",
    ),
    "profile-bits-width": Entry(
        "this field is one byte, not {width}",
        "Status bits, and a count of decimals, are one byte.",
        "give the place of one byte",
    ),
    "profile-field-without-meaning": Entry(
        "the field '{field}' says nothing",
        "Fields other than value, tare, unit, sign, decimals and uid are looked up in a table.",
        "give 'codes' or 'bits'; bytes that mean nothing need no field",
    ),
    "profile-field-needed": Entry(
        "this shape has no field '{field}'",
        "A frame of a scale carries a weight or says why it has none; one of a card reader carries a card.",
        "add '{field}' under 'fields'",
    ),
    "profile-field-of-other-kind": Entry(
        "'{field}' is no field of a {of}",
        "Scales have a value and its unit, card readers a uid.",
        "delete it, or check 'kind'",
    ),
    "profile-units-needed": Entry(
        "no units are listed for this field",
        "Which texts are units, and of what, is said under 'units': of the profile, or of the shape.",
        "add for example: units: [kg, g]",
    ),
    "profile-unit-twice": Entry(
        "'{spelling}' is {other} already",
        "One text on the wire is one unit.",
        "keep one of the two",
    ),
    "profile-unit-width": Entry(
        "'{spelling}' does not fit the unit's field of {width} bytes",
        "A spelling fills the field or is padded with blanks.",
        "check the place of the unit, or the spelling",
    ),
    "profile-checksum-width": Entry(
        "this checksum takes {needed} bytes, not {width}",
        "How many bytes it takes depends on its kind and on how it is written ('as').",
        "check its place, and 'as'",
    ),
    "profile-trusted-length": Entry(
        "no line of this profile has {length} bytes",
        "'trusted' are lengths of lines that may begin with rubbish; frames with a start byte need it not.",
        "delete it, or give the length of one of the shapes",
    ),
    "profile-unframed": Entry(
        "nothing says where a frame begins or ends",
        "The stream has to be cut into frames: by what they end with, or by what they begin with.",
        "give 'end' or 'start'",
    ),
    "profile-not-a-byte": Entry(
        "'{character}' is no byte",
        "Here every character stands for one byte, so those beyond U+00FF cannot be.",
        'write bytes in double quotes as "\\xNN"',
    ),
    "profile-not-hex": Entry(
        "'{value}' is not made of bytes in hexadecimal",
        "Each byte is two digits; blanks may stand between bytes.",
        "check for a missing digit",
    ),
    "profile-not-a-number": Entry(
        "'{value}' is not a number",
        "The value of a golden frame is compared digit by digit.",
        "write it as it must be read, as in 11.120",
    ),
    "profile-golden-differs": Entry(
        "this frame should give [{wanted}] but gives [{got}]",
        "The golden frames are the proof of a profile. Every place of a value counts, and what is left out (stable, "
        "mode, zero) means that the frame does not say.",
        "mend the shape, or the expected reading if the frame really says something else",
    ),
    "profile-golden-length": Entry(
        "this frame should give [{wanted}] but has {length} bytes; the shapes have {lengths}",
        "The length of a shape counts every byte of the frame, its start and its end included.",
        "count the bytes: mend the shape's length and places, or the frame",
    ),
    "profile-golden-byte": Entry(
        "this frame should give [{wanted}] but its byte {at}, '{byte}', is none that the shape allows there",
        "Every byte is held to what the profile says of it: a text, a code, a unit, a number, the start or the end.",
        "mend the places or the codes of the shape, or the frame",
    ),
    "profile-golden-checksum": Entry(
        "this frame should give [{wanted}] but its checksum is '{given}', and the shape's would be '{wanted_checksum}'",
        "All else of the frame is as the shape says.",
        "mend what is summed (over), how (kind) or how it is written (as), or the frame",
    ),
    "profile-golden-contradicts": Entry(
        "golden frame {number} is the same frame, but should give [{other}] instead of [{wanted}]",
        "One frame gives one reading.",
        "delete the one that is wrong",
    ),
    "protocol-name-taken": Entry(
        "the name '{name}' is taken by {other}",
        "A profile adds a protocol; it does not replace one, for that would change what other sites' records mean.",
        "choose another name",
    ),
}
