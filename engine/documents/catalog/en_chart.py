"""English: what can be wrong with a chart, its expressions, and the settings a site gives it."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

_MISSPELT: Final = "The name is misspelt, or was never declared."

ENTRIES: Final[dict[str, Entry]] = {
    "unknown-target": Entry("no state is called '{name}'", _MISSPELT, "states are: {known}"),
    "unknown-event": Entry(
        "no event is called '{name}'",
        "Under 'events' a chart declares what may arrive; a name that is not there would never come.",
        "events are: {known}; or declare it under 'events'",
    ),
    "unknown-guard": Entry("no guard is called '{name}'", _MISSPELT, "guards are: {known}"),
    "unknown-action": Entry("no action is called '{name}'", _MISSPELT, "actions are: {known}"),
    "unknown-service": Entry("no service is called '{name}'", _MISSPELT, "services are: {known}"),
    "unknown-outcome": Entry(
        "the service has no outcome '{name}'",
        "A service answers with one of the outcomes that it declares.",
        "its outcomes are: {known}",
    ),
    "missing-outcome": Entry(
        "nothing is said about the outcome '{name}' of {service}",
        "Every outcome of a service has to lead somewhere; 'error' and 'timeout' always among them.",
        "add '{name}: ...' here",
    ),
    "outcome-needs-argument": Entry(
        "'{name}' of {service} never happens here",
        "This outcome is possible only with an argument that is not given here.",
        "give '{argument}' under 'with', or remove '{name}'",
    ),
    "unknown-data": Entry("no data is called '{name}'", _MISSPELT, "data are: {known}; or declare it under 'data'"),
    "unknown-setting": Entry("no setting or parameter is called '{name}'", _MISSPELT, "there are: {known}"),
    "unknown-argument": Entry("{owner} takes no '{name}'", _MISSPELT, "it takes: {known}"),
    "missing-argument": Entry(
        "{owner} needs '{name}'", "This argument has no default.", "add '{name}: ...' to its arguments"
    ),
    "out-of-range": Entry(
        "{value} is outside the range of '{name}'",
        "The chart or the sequence declares the smallest and the largest value.",
        "choose a value in the range {range}",
    ),
    "duplicate-state": Entry(
        "a second state is called '{name}'; the first is at {first}",
        "A state's name is its address: it is given once in a chart, also inside different parents.",
        "give one of the two another name",
    ),
    "wrong-state-type": Entry(
        "a state with these keys cannot be of type '{type}'",
        "Only compound and parallel states hold states; a final or history state holds nothing.",
        "remove 'type', or the keys that do not go with it",
    ),
    "missing-initial": Entry(
        "'{name}' does not say which of its states it begins in",
        "A compound state that is entered enters one of its states at once.",
        "add 'initial: NAME' to it",
    ),
    "missing-history-default": Entry(
        "the history state '{name}' does not say where it leads at first",
        "Before its parent was ever left, there is nothing to remember.",
        "add 'default: NAME' to it",
    ),
    "initial-outside": Entry(
        "'{name}' is not inside '{state}'",
        "A compound state begins in a state of its own.",
        "name a state inside '{state}'",
    ),
    "finally-never-ends": Entry(
        "'{name}' is the 'finally' of '{state}' and would never end by itself",
        "What is left waits for the cleanup; the cleanup may wait for nothing.",
        "give it actions only, or states that lead to a final one",
    ),
    "retry-not-atomic": Entry(
        "'retry' in '{state}', which holds states or several services",
        "A retry becomes states and timers around one service.",
        "move the service to a state of its own",
    ),
    "unknown-id": Entry("no transition here has the id '{name}'", _MISSPELT, "ids here are: {known}"),
    "extends-cycle": Entry(
        "these charts extend each other in a circle: {cycle}",
        "A chart that extends another takes over what the other has, and so on; it has to end somewhere.",
        "let one of them stand by itself",
    ),
    "reserved-name": Entry(
        "a line cannot be called '{name}'",
        "The service itself goes by this name when machines send each other events.",
        "choose another name",
    ),
    "unknown-name": Entry("nothing is called '{name}'", _MISSPELT, "there are: {known}"),
    "unknown-function": Entry(
        "no function is called '{name}'", "An expression can call a few pure functions only.", "there are: {known}"
    ),
    "wrong-arguments": Entry(
        "{function} cannot be called with {found}",
        "The number or the type of its arguments does not fit.",
        "write it as {usage}",
    ),
    "type-mismatch": Entry(
        "'{operation}' takes {expected} here, not {found}",
        "Values of different types cannot be compared or computed with; a number without a unit is no quantity.",
        "write a value of that type",
    ),
    "not-allowed": Entry(
        "'{construct}' is not part of an expression",
        "Expressions compare and compute; everything else is done by actions and services.",
        "say it without '{construct}'",
    ),
    "expression-syntax": Entry(
        "this expression cannot be read at '{near}': {reason}",
        "Expressions are written as in Python: and, or, not, ==, <, +, and names such as data.x.",
        "compare it with an expression in a shipped chart",
    ),
    "expression-fails": Entry(
        "this expression always fails: {reason}",
        "It holds no names, so it was computed at once, and could not be.",
        "write the value that is meant",
    ),
    "expression-too-long": Entry(
        "the expression has {length} characters; at most {limit} are possible",
        "Nobody can check an expression that long.",
        "split it, or register a guard in Python",
    ),
    "expression-too-deep": Entry(
        "the expression is nested deeper than {limit} levels",
        "Nobody can check an expression that deep.",
        "split it, or register a guard in Python",
    ),
}
