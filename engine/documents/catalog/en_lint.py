"""English: what is hardly meant in a chart, how a finding is silenced, and what ``engine validate`` itself says."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

PHRASES: Final[dict[str, str]] = {
    "declared-here": "a chart that declares it is here",
    "needed-by": "the chart that needs it declares it here",
    "why": "why",
    "wrong": "wrong",
    "told": "this is told",
    "right": "right",
    "severity-error": "error: it cannot work as it is written",
    "severity-warning": "warning: it works, and hardly as it was meant",
    "severity-info": "info: worth knowing, and nothing to mend",
    "can-be-ignored": "at a place where it is meant: '# engine: ignore[{code}] reason'",
}

WORDS: Final[dict[str, str]] = {
    "guard": "the name of a guard",
    "guards": "a list of guards",
    "branches": "a list of branches, each with 'actions'",
    "branch": "a branch with 'when' or 'guard' (or neither: else) and 'actions'",
    "cancel": "'now', or 'wait' and a time such as 'wait 2 s'",
    "secret": "a secret text",
}

ENTRIES: Final[dict[str, Entry]] = {
    # What the builder refuses
    "when-not-flag": Entry(
        "'when' must be true or false; this is {found}",
        "Almost anything counts as true, so a condition that is no comparison would nearly always hold.",
        "compare it with something, as in 'event.value > q('50 g')' or 'data.uid != None'",
    ),
    "secret-in-log": Entry(
        "this would write a secret into the log",
        "Logs are copied, sent and read by many; a secret that was logged once is a secret no more.",
        "leave the secret out of the message",
    ),
    "misplaced-key": Entry(
        "'{key}' does nothing in a state of type '{type}'",
        "The key has a meaning in states of another type only.",
        "remove it; it belongs to states of type {allowed}",
    ),
    "no-range": Entry(
        "'{key}' has no meaning for {expected}",
        "Only numbers, durations, masses and times have a smallest and a largest value.",
        "remove it",
    ),
    "extends-too-deep": Entry(
        "more than {limit} charts extend each other here",
        "Nobody can follow what such a chart does.",
        "extend a chart that is nearer to the first one",
    ),
    # Structure
    "unreachable-state": Entry(
        "nothing ever leads to '{state}'",
        "No transition, initial state or default that could happen has this state as its target.",
        "lead a transition to it, or remove it",
    ),
    "dead-end": Entry(
        "'{state}' is never left",
        "Neither the state nor one around it has a transition to another state: the machine would stay there for good.",
        "add a transition ('on', 'after', 'always'), or 'type: final' if it is the end",
    ),
    "shadowed-transition": Entry(
        "this transition ('{event}') never happens: an earlier one always wins",
        "Transitions are tried from the top; one without a condition ends the search.",
        "give the earlier one a 'when' or 'guard', move this one before it, or remove one of the two",
    ),
    "same-event-twice": Entry(
        "'{event}' leads two ways without a condition; only the first is ever taken",
        "Transitions are tried from the top; one without a condition ends the search.",
        "remove one of the two, or give the first a 'when' or 'guard'",
    ),
    "left-at-once": Entry(
        "'{state}' is left as soon as it is entered, so what it waits for ({keys}) never happens",
        "An 'always' without a condition is taken before anything that the state could wait for.",
        "give the 'always' a 'when' or 'guard', or remove what never happens",
    ),
    "constant-condition": Entry(
        "this condition is always {value}",
        "It names nothing that could change.",
        "name what it depends on ('data', 'settings', 'event'), or remove it",
    ),
    "eventless-cycle": Entry(
        "these states lead to each other without end: {cycle}",
        "The 'always' transitions need no event, and nothing on the way round changes their conditions: "
        "the machine would fault here.",
        "wait for an event or an 'after' in one of them, or add a condition that becomes false",
    ),
    "final-goes-on": Entry(
        "'{state}' is final, so its '{key}' never happens",
        "A final state is an end: nothing leaves it.",
        "remove 'type: final', or move this to another state",
    ),
    "history-with-content": Entry(
        "'{state}' is a history state, so its '{key}' never happens",
        "A history state only stands for the state that was left last; nothing is ever in it.",
        "move this to the states that it leads to",
    ),
    "targets-exclude": Entry(
        "'{one}' and '{other}' cannot both be active",
        "Several targets are for several regions of one parallel state; other states exclude each other.",
        "keep one target",
    ),
    "cross-region-target": Entry(
        "this leads from '{state}' into another region of '{parallel}', to '{target}', and starts all regions anew",
        "Regions run side by side; a transition from one into another leaves and enters the whole parallel state.",
        "send the other region an event ('raise'), and let it move by itself",
    ),
    "done-never-happens": Entry(
        "'{state}' never ends, so this never happens",
        "A state ends when one inside it of type 'final' is entered; there is none.",
        "add a state with 'type: final' inside '{state}', or remove this",
    ),
    "waits-forever": Entry(
        "'{state}' waits for {service} as long as it takes, and nothing else leaves it",
        "A device, a server or a disk may never answer; then the machine would stand still.",
        "add 'timeout: 10 s' to the invoke and a 'timeout' to its 'on', or an 'after' to the state",
    ),
    "waits-for-device": Entry(
        "'{state}' is left only when a device says something ({events})",
        "A device may fall silent; then the machine would stay here.",
        "add an 'after', or 'tags: [safe]' if this is where the machine rests",
    ),
    "timeout-never-fires": Entry(
        "'timeout' never happens: {service} is given no time here",
        "Without 'timeout: ...' beside 'service' there is nothing that could run out.",
        "add 'timeout: 10 s' to the invoke, or remove this",
    ),
    "unused-event": Entry(
        "no state handles the event '{name}'",
        "It is declared, but no 'on' names it.",
        "handle it, or remove it",
    ),
    "unused-data": Entry(
        "nothing reads 'data.{name}'",
        "It is declared, perhaps even set, but no expression, guard or service asks for it.",
        "use it, or remove it",
    ),
    "data-never-set": Entry(
        "'data.{name}' is read, but nothing ever puts anything into it",
        "It has no default, and no action assigns it.",
        "assign it, or give it a default",
    ),
    "unused-setting": Entry(
        "nothing reads the setting '{name}'",
        "A site could change it, and nothing would happen.",
        "use it as settings.{name}, or remove it",
    ),
    "setting-without-default": Entry(
        "the setting '{name}' has no default",
        "Expressions take it that a setting always has a value; every site would have to give one.",
        "add 'default: ...'",
    ),
    # Across charts
    "unhandled-send": Entry(
        "nobody handles '{event}', sent to '{to}' here",
        "No chart that gets the event has an 'on' for it; it would be counted and forgotten.",
        "handle it there, or send what is handled: {known}",
    ),
    "unknown-machine": Entry(
        "no machine of this site is called '{name}'",
        "Events go to a line by its name, to registration, upload or streaming, or to self, lines or everyone.",
        "machines are: {known}",
    ),
    "unknown-field": Entry(
        "'{event}' has no '{name}' where it is handled",
        "The receiving chart declares which fields the event carries; it cannot name others.",
        "declare it there under 'events', or send: {known}",
    ),
    "setting-needed": Entry(
        "the line gives no '{name}', which its chart needs",
        "The chart declares this setting without a default.",
        "add '{name}: ...' to the line's settings",
    ),
    # Silencing
    "ignore-unreadable": Entry(
        "'engine: {text}' cannot be read",
        "A comment that begins with 'engine:' silences a finding.",
        "write '# engine: ignore[code] reason'",
    ),
    "ignore-unknown": Entry(
        "there is no finding '{code}' to ignore", "The code is misspelt.", "codes that can be ignored are: {known}"
    ),
    "ignore-impossible": Entry(
        "'{code}' cannot be ignored",
        "With it the chart cannot run at all.",
        "mend what it is about, and remove this comment",
    ),
    "ignore-needless": Entry(
        "there is no '{code}' here to ignore",
        "It was mended, or the comment stands on another line: it is about its own line, or the next one below it.",
        "remove the comment, or move it to the finding",
    ),
    "ignore-without-reason": Entry(
        "'{code}' is ignored without a reason",
        "Who reads this later has to know why it is right.",
        "write the reason behind it: '# engine: ignore[{code}] because ...'",
    ),
    # The command
    "unknown-document": Entry(
        "this is none of the files that can be checked",
        "A chart has 'chart:' or 'extends:' at the top, a sequence 'sequence:', a site has 'lines:' and 'server:', a "
        "station 'station:' and 'batches:'.",
        "name a chart, a sequence, a site.yaml or a station.yaml, or add what is missing at its top",
    ),
    "bindings-failed": Entry(
        "the site's own bindings cannot be loaded: {detail}",
        "What the Python files under 'bindings' and installed packages add is needed to check the rest.",
        "mend the Python file, or take it out of 'bindings'",
    ),
    "nothing-to-validate": Entry(
        "there is no site.yaml, station.yaml, sequence or chart in '{place}'",
        "Without a path, everything of the site or station in the current folder is checked.",
        "go to its folder, or name files or packages: engine validate site.yaml",
    ),
    "too-many-findings": Entry(
        "{count} more findings in this file are not shown",
        "So many have a common cause most often.",
        "mend the first ones and check again",
    ),
}
