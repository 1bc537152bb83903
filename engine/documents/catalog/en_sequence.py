"""English: what can be wrong with a test sequence, its limits and its drivers."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

_MISSPELT: Final = "The name is misspelt, or was never declared."
_ONE_FOLDER: Final = (
    "A package is loaded from its own folder only, also by way of a link: so it can be copied and trusted."
)

ENTRIES: Final[dict[str, Entry]] = {
    # Steps
    "duplicate-step": Entry(
        "a second step is called '{name}'; the first is at {first}",
        "A step's name is its address in expressions and records: it is given once in a sequence, inclusions counted.",
        "give one of the two another name, or include the file with a 'prefix'",
    ),
    "step-kinds": Entry(
        "'{key}' does not go with '{other}'",
        "A step does one thing.",
        "make two steps of it, or remove one of the two",
    ),
    "step-does-nothing": Entry(
        "this step does nothing",
        "A step says what is done by one of its keys.",
        "add one of: {known}",
    ),
    "misplaced-step-key": Entry(
        "'{key}' means nothing in a '{step}'",
        "The key belongs to steps of another kind.",
        "remove it; keys here are: {allowed}",
    ),
    "not-in-cleanup": Entry(
        "'{key}' cannot stand in a cleanup",
        "A cleanup does its steps one by one, whatever becomes of each, and waits for nobody: so it always ends.",
        "remove it; a cleanup has plain steps: call, prompt, wait, measure",
    ),
    "retry-not-call": Entry(
        "'on_fail: retry' is for calls; this is a '{step}'",
        "Only a command can be given again; asking or waiting again would find nothing new.",
        "write stop or continue, or put the steps into a 'repeat' with 'until'",
    ),
    "resumable-inside": Entry(
        "a step inside a 'repeat' or a 'parallel' cannot be resumed",
        "After a crash nobody knows in which round it was, or how far the other side was.",
        "remove 'resumable', or move the step out",
    ),
    "too-many-steps": Entry(
        "more than {limit} steps",
        "A file that includes another twice doubles it, and so does that one.",
        "include less, or use 'repeat'",
    ),
    "include-cycle": Entry(
        "this file includes itself: {cycle}",
        "Included steps stand in the place of the 'include'; these would never end.",
        "remove one of the inclusions",
    ),
    "path-outside": Entry("'{path}' is not in the package's folder", _ONE_FOLDER, "move the file into the package"),
    "later-result": Entry(
        "'{name}' comes after '{step}', which uses its result",
        "Steps run in the order in which they are written; a later one has found nothing yet.",
        "move one of the two",
    ),
    "unknown-sequence": Entry(
        "no sequence is called '{name}'",
        _MISSPELT,
        "sequences are: {known}; or give a package's folder, as in ./sequences/NAME",
    ),
    "parameter-missing": Entry(
        "the parameter '{name}' is not given",
        "It has no default: whoever runs the sequence has to say it.",
        "give it: on the command line --param {name}=VALUE, in station.yaml or a request 'parameters'",
    ),
    # Limits
    "reserved-measurement": Entry(
        "a measurement cannot be called '{name}'",
        "Every result has this name beside its measurements already.",
        "choose another name than {known}",
    ),
    "limits-reversed": Entry(
        "the lower limit {low} is above the upper one {high}",
        "No value is in such a range.",
        "write the smaller one first",
    ),
    "marginal-outside": Entry(
        "the marginal band reaches beyond the limits",
        "The band is what is wanted; outside of it, but within the limits, a value passes as marginal.",
        "make it lie inside the limits",
    ),
    "limit-unit": Entry(
        "'{value}' is not in '{unit}'",
        "A value may be written with its unit; it must be the one that is declared, or convertible into it.",
        "write it in '{unit}'",
    ),
    "limit-not-number": Entry(
        "'{value}' is no number to compare with",
        "This limit compares numbers.",
        "write a number, or an expression such as ${{parameters.NAME}}",
    ),
    "bad-pattern": Entry(
        "this pattern cannot be used: {reason}",
        "Patterns are google-re2's, which match in linear time: no look-around, no back references.",
        "correct it",
    ),
    "unit-without-number": Entry(
        "a '{type}' has no unit",
        "Only numbers are in a unit of their own; a mass or a duration is written with one.",
        "remove 'unit', or make the type 'number'",
    ),
    # Hardware
    "unknown-hardware": Entry("no hardware is called '{name}'", _MISSPELT, "hardware here: {known}"),
    "unknown-command": Entry("{driver} has no command '{name}'", _MISSPELT, "its commands are: {known}"),
    "argument-type": Entry(
        "'{name}' of {owner} takes {expected}; this is {found}",
        "The driver's type hints say what each argument is.",
        "give {expected}; a parameter or a result is written '${{parameters.NAME}}'",
    ),
    "unnamed-argument": Entry(
        "'{name}' of {owner} cannot be given by its name",
        "A sequence gives every argument by name; one before a '/' in the driver's method takes none.",
        "remove the '/' from the method",
    ),
    "driver-abstract": Entry(
        "{name} cannot be made: it is abstract",
        "A class with abstract methods has no instances; they are for the classes that are derived from it.",
        "write these methods, or name a derived class: {known}",
    ),
    "twin-lacks-argument": Entry(
        "the simulated {owner} takes no '{name}'",
        "The twin is called with the arguments that the real one is called with.",
        "give it an argument '{name}'",
    ),
    "twin-wants-argument": Entry(
        "the simulated {owner} needs '{name}', which is not given",
        "The twin is called with the arguments that the real one is called with.",
        "give '{name}' a default in the twin",
    ),
    "no-tolerance": Entry(
        "{value} of {of} is no tolerance",
        "A share of nothing is nothing, and no value is nearer than nothing.",
        "write how far it may be off, as in 'by: 0.1'",
    ),
    "limits-never": Entry(
        "no value passes '{key}' and '{other}' together",
        "A value must be within every limit of its measurement.",
        "correct one of the two, or remove it",
    ),
    "marginal-alone": Entry(
        "'marginal' alone never fails",
        "Outside of the band a value still passes, as marginal; only limits decide.",
        "add a limit such as 'range', or write the band as 'range'",
    ),
    "unit-mismatch": Entry(
        "'{name}' is in '{found_unit}', and this is in '{unit}'",
        "Numbers are compared as they are; nothing converts one into the other.",
        "declare both in the same unit, or work it out, as in ${{{name} * 0.001}}",
    ),
    "never-measured": Entry(
        "'{name}' is never measured: {owner} gives {found}",
        "One value is one measurement; several are parts of a map, picked by their names.",
        "measure one value without a 'from', or have the driver return a dict",
    ),
    "parallel-result": Entry(
        "'{name}' runs beside '{step}', which uses its result",
        "Of two branches nobody knows which is where: the result may not be there yet.",
        "put the step behind the 'parallel', or both into one branch",
    ),
    "lock-held": Entry(
        "'{name}' is held by a step around this one already",
        "It would wait for itself until its time is over.",
        "remove one of the two 'lock'",
    ),
    "no-time": Entry(
        "this leaves no time at all",
        "What has to end within nothing never does.",
        "write a longer time, as in 2 s, or remove it",
    ),
    "driver-form": Entry(
        "'{name}' is no driver",
        "A driver is a class of the package, or a device of the engine by its kind.",
        "write MODULE:CLASS as in drivers.psu:Psu, or scale, or reader",
    ),
    "driver-module-missing": Entry(
        "the package has no module '{name}'",
        "A driver's module is a Python file in the package's folder: drivers.psu is drivers/psu.py.",
        "modules here are: {known}",
    ),
    "driver-outside": Entry(
        "'{path}' leads out of the package's folder", _ONE_FOLDER, "copy the file into the package"
    ),
    "driver-broken": Entry(
        "the module '{name}' cannot be loaded: {reason}",
        "Python stopped while it read the module. Modules of a package import each other as in 'from .bus import Bus'.",
        "correct it there; a library that is missing is installed where the engine is",
    ),
    "unknown-driver": Entry("no class is called '{name}'", _MISSPELT, "classes of the module: {known}"),
    "unknown-device": Entry(
        "no kind of device is called '{name}'",
        "Without a ':' a driver is a device of the engine.",
        "kinds are: {known}; a class of the package is written MODULE:CLASS, as in drivers.psu:Psu",
    ),
    "no-simulated-twin": Entry(
        "this driver has no simulated twin",
        "With 'simulate' a sequence runs without hardware; that needs a class that stands for the driver.",
        "write a class '{name}' beside it, or name one under 'simulated'",
    ),
    "twin-lacks-command": Entry(
        "the simulated twin {twin} has no command '{name}'",
        "The twin must take every command that the sequence gives.",
        "add the method '{name}' to it",
    ),
}
