"""A fault planted anywhere in a shipped chart is found: with the right code, at the right line."""

from typing import NamedTuple

import pytest
from lint_kit import check_file, shipped_text

from machines import shipped_charts


class Fault(NamedTuple):
    """``new`` in place of ``old``; CUT: without the line of ``old`` and what is indented below it."""

    chart: str
    old: str
    new: str | None
    code: str
    at: str = ""  # what stands on the line of the finding; without it, the first line that has changed
    after: str = ""  # look for ``old`` and ``at`` from here on


CUT = None

FAULTS = [
    Fault("weighing", "error: boot_again", "error: boot_agian", "unknown-target"),
    Fault("weighing", "registered: {target: recalling", "registered: {target: recaling", "unknown-target"),
    Fault("upload", "initial: looking", "initial: lookng", "unknown-target"),
    Fault("streaming", "on: {stream.opened: silent}", "on: {stream.opend: silent}", "unknown-event"),
    Fault(
        "weighing",
        "      scale.lost:\n        target: idle",
        "      scale.lots:\n        target: idle",
        "unknown-event",
    ),
    Fault("weighing", "          window_is_stable:", "          window_is_steady:", "unknown-guard"),
    Fault("weighing", "actions: [{signal.show: gave_up}", "actions: [{signal.shown: gave_up}", "unknown-action"),
    Fault("streaming", "entry: [stream.send_latest]", "entry: [stream.send_lates]", "unknown-action"),
    Fault("registration", "service: server.find_gateway", "service: server.find_gatway", "unknown-service"),
    Fault("upload", "service: server.post_records", "service: server.post_record", "unknown-service"),
    Fault("registration", "        pending: {target", "        pendin: {target", "unknown-outcome"),
    Fault("weighing", 'assign: {uid: "${event.uid}"}', 'assign: {uit: "${event.uid}"}', "unknown-data", after="ready:"),
    Fault("weighing", "{window.clear: samples}", "{window.clear: sample}", "unknown-data"),
    Fault("weighing", 'at_least: "${settings.min_weight}"', 'at_least: "${settings.minimum_weight}"', "unknown-name"),
    Fault(
        "streaming",
        'after: {"${settings.min_interval}": streaming}',
        'after: {"${settings.interval}": streaming}',
        "unknown-name",
    ),
    Fault("upload", "when: data.unauthorized", "when: data.unauthorised", "unknown-name"),
    Fault("weighing", 'log: "card ${event.uid} replaces', 'log: "card ${event.id} replaces', "unknown-name"),
    Fault("weighing", 'max_gap: "${settings.max_gap}"', 'max_gab: "${settings.max_gap}"', "unknown-argument"),
    Fault(
        "upload", 'with: {limit: "${settings.at_once}"}', 'with: {limits: "${settings.at_once}"}', "unknown-argument"
    ),
    Fault(
        "weighing",
        'within: "${settings.tolerance}"',
        CUT,
        "missing-argument",
        at="window_is_stable:",
        after="always:\n      - target: saving",
    ),
    Fault(
        "weighing", 'rfid_uid: "${data.uid}"', CUT, "missing-argument", at="with:", after="service: store.save_record"
    ),
    Fault("registration", "backoff(data.attempt", "backof(data.attempt", "unknown-function"),
    Fault("upload", "        title: 찾는 중", "        titel: 찾는 중", "unknown-key"),
    Fault("weighing", "initial: boot\n", "intial: boot\n", "unknown-key"),
    Fault("streaming", "initial: connecting", CUT, "missing-initial", at="  session:\n"),
    Fault("registration", "  waiting:\n    title: 승인 대기", "  sync:\n    title: 승인 대기", "duplicate-key"),
    Fault("upload", "      noting_again:\n", "      closed:\n", "duplicate-state"),
    Fault(
        "weighing",
        "        title: 카드 대기",
        "        title: 카드 대기\n        initial: occupied",
        "misplaced-key",
        at="        initial: occupied",
    ),
    Fault(
        "upload",
        "      pausing:\n        title: 잠시 쉼",
        "      pausing:\n        type: final\n        title: 잠시 쉼",
        "final-goes-on",
        at='after: {"${settings.interval}": looking}\n      backing_off',
    ),
    Fault(
        "streaming",
        "      connecting:\n        title: 연결 중",
        "      connecting:\n        type: history",
        "missing-history-default",
        at="      connecting:",
    ),
    Fault(
        "weighing",
        "type: choice, choices: [newer_wins, ignore], default",
        "type: choyce, choices: [newer_wins, ignore], default",
        "wrong-value",
    ),
    Fault(
        "weighing",
        "give_up_after: {type: duration, default: 30 s",
        "give_up_after: {type: duration, default: 30",
        "needs-unit",
    ),
    Fault(
        "weighing", "min_weight:    {type: mass, default: 50 g", "min_weight:    {type: mass, default: 50", "needs-unit"
    ),
    Fault(
        "registration",
        "      service: store.load_gateway\n      timeout: 10 s",
        "      service: store.load_gateway\n      timeout: 10",
        "needs-unit",
    ),
    Fault(
        "streaming",
        "retry_max:    {type: duration, default: 60 s}",
        "retry_max:    {type: duration, default: 60 sec}",
        "unknown-unit",
    ),
    Fault("upload", "after: {1 s: noting}", "after: {1: noting}", "needs-unit"),
    Fault("upload", "default: 8, min: 1, max: 64", "default: 80, min: 1, max: 64", "out-of-range"),
    Fault(
        "weighing", "min_readings:  {type: int, default: 3", "min_readings:  {type: int, default: three", "wrong-type"
    ),
    Fault("weighing", "default: newer_wins", "default: newest_wins", "wrong-value"),
    Fault("weighing", "actions: [{signal.show: gave_up}", "actions: [{signal.show: giveup}", "wrong-value"),
    Fault("upload", 'records: "${event.records}"', 'records: "${event.records} of them"', "wrong-type"),
    Fault("weighing", 'measured_at: "${now()}"', 'measured_at: "${new_id()}"', "wrong-type"),
    Fault("weighing", "event.value < settings.min_weight", "event.value < 50", "type-mismatch", after="occupied:"),
    Fault("weighing", "settings.second_card == 'newer_wins'", "settings.second_card == 'newer_win'", "type-mismatch"),
    Fault("upload", "data.pause == q('0 s')", "data.pause == 0", "type-mismatch"),
    Fault(
        "upload",
        "when: data.failed > 0 and data.delivered",
        "when: data.failed > 0 && data.delivered",
        "expression-syntax",
    ),
    Fault(
        "upload",
        "- {target: backing_off, when: data.failed > 0}",
        "- {target: backing_off, when: data.failed}",
        "when-not-flag",
    ),
    Fault(
        "upload",
        "- {target: backing_off, when: data.failed > 0}",
        "- {target: backing_off, when: data.failed is not 0}",
        "not-allowed",
    ),
    Fault(
        "registration",
        'pause: "${q(\'0 s\')}", reason: "${event.reason}"}}]}\n        timeout: {target: sync_backoff',
        'pause: "${q(\'0\')}", reason: "${event.reason}"}}]}\n        timeout: {target: sync_backoff',
        "wrong-arguments",
        at="q('0')",
    ),
    Fault(
        "upload", "none: {target: waiting", CUT, "missing-outcome", at="found:", after="service: store.pending_records"
    ),
    Fault("weighing", "full:", CUT, "missing-outcome", at="saved:", after="service: store.save_record"),
    Fault(
        "registration",
        "        error: {target: dropping_again",
        "        errors: {target: dropping_again",
        "unknown-outcome",
    ),
    Fault("weighing", "timeout: 5 s", CUT, "timeout-never-fires", at="timeout:", after="service: store.save_record"),
    Fault(
        "registration", "timeout: 10 s", CUT, "timeout-never-fires", at="timeout:", after="service: store.save_token"
    ),
    Fault(
        "registration", "timeout: 10 s", CUT, "waits-forever", at="service: store.load_gateway", after="  initialize:\n"
    ),
    Fault("weighing", "after: {2 s: boot}", CUT, "dead-end", at="boot_again:\n"),
    Fault("registration", "after:", CUT, "dead-end", at="  waiting:\n", after="  waiting:\n"),
    Fault(
        "weighing",
        '"${settings.give_up_after}":\n        target: idle',
        '"${settings.give_up_after}":',
        "waits-for-device",
        at="  measuring:\n",
    ),
    Fault("weighing", "tags: [safe]", CUT, "waits-for-device", at="ready:\n", after="    initial: ready\n"),
    Fault("upload", "- {target: pausing", CUT, "unreachable-state", at="      pausing:\n"),
    Fault(
        "streaming",
        "on: {stream.start: streaming}",
        "on: {stream.start: connecting}",
        "unreachable-state",
        at="      streaming:",
    ),
    Fault(
        "upload",
        "- {target: backing_off, when: data.failed > 0}",
        "- {target: backing_off}",
        "same-event-twice",
        at="- {target: looking, actions: [{assign: {attempt: 0}}]}",
    ),
    Fault("upload", "when: data.unauthorized", CUT, "shadowed-transition", at="- {target: pausing"),
    Fault(
        "weighing",
        "when: settings.require_empty",
        CUT,
        "same-event-twice",
        at="- target: ready",
        after="service: store.save_record",
    ),
    Fault(
        "weighing",
        "when: settings.weigh_unregistered == 'never' and not data.approved",
        CUT,
        "left-at-once",
        at="- target: unregistered",
        after="      ready:\n",
    ),
    Fault("weighing", "after: {2 s: boot}", "always: boot_again", "eventless-cycle"),
    Fault("streaming", "on: {stream.stop: silent}", "always: streaming", "eventless-cycle"),
    Fault("upload", "when: data.unauthorized", "when: 1 > 0", "constant-condition"),
    Fault(
        "streaming",
        "    on:\n      gateway.dropped: closed\n",
        "    on:\n      gateway.dropped: closed\n      done: closed\n",
        "done-never-happens",
        at="      done: closed",
    ),
    Fault(
        "upload",
        "  record.committed: {}\n",
        "  record.committed: {}\n  record.printed: {}\n",
        "unused-event",
        at="record.printed",
    ),
    Fault(
        "weighing",
        "  measured_at: {type: time}\n",
        "  measured_at: {type: time}\n  printed: {type: flag}\n",
        "unused-data",
        at="printed",
    ),
    Fault("weighing", ', frame: "${data.samples.frame}"', "", "data-never-set", at="  frame:       {type: text}"),
    Fault(
        "streaming",
        "steady_after: {type: duration",
        "steady_for: {type: duration, default: 1 s}\n  steady_after: {type: duration",
        "unused-setting",
        at="steady_for",
    ),
    Fault(
        "registration",
        "retry_first:        {type: duration, default: 1 s,",
        "retry_first:        {type: duration,",
        "setting-without-default",
    ),
    Fault("registration", "event: gateway.dropped", "event: gateway.droped", "unhandled-send"),
    Fault(
        "streaming",
        'with: {reason: "${event.reason}"}}\n        error',
        'with: {why: "${event.reason}"}}\n        error',
        "unknown-field",
    ),
    Fault("weighing", "ignore[waits-for-device] 상자는", "ignore[waits-for-devices] 상자는", "ignore-unknown"),
    Fault(
        "weighing",
        "ignore[waits-for-device] 저울이 아무 말도 하지 않으면 계량할 것도 없다",
        "ignore[waits-for-device]",
        "ignore-without-reason",
    ),
    Fault(
        "upload",
        "  closed:\n    title: 등록 대기",
        "  # engine: ignore[dead-end] it is fine\n  closed:\n    title: 등록 대기",
        "ignore-needless",
    ),
]


@pytest.mark.parametrize("name", sorted(shipped_charts()))
def test_nothing_is_told_about_the_shipped_charts(name, tmp_path):
    assert check_file(tmp_path / f"{name}.yaml", shipped_text(name)) == []


def test_there_are_faults_enough():
    assert len(set(FAULTS)) >= 60
    assert len({fault.code for fault in FAULTS}) >= 40


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.chart}-{fault.code}")
def test_a_planted_fault_is_found_at_its_line(fault, tmp_path):
    text = shipped_text(fault.chart)
    mutated = planted(fault, text)
    found = check_file(tmp_path / f"{fault.chart}.yaml", mutated)
    assert (fault.code, line_of(fault, text, mutated)) in {(one.code, one.position.line) for one in found}


def place(text, what, after):
    start = text.find(after)
    assert start >= 0, "the chart has changed: plant the fault elsewhere"
    at = text.find(what, start)
    assert at >= 0, "the chart has changed: plant the fault elsewhere"
    return at


def planted(fault, text):
    at = place(text, fault.old, fault.after)
    if fault.new is not CUT:
        return text[:at] + fault.new + text[at + len(fault.old) :]
    lines = text.split("\n")
    first = text.count("\n", 0, at)
    indent = len(lines[first]) - len(lines[first].lstrip())
    last = first + 1
    while last < len(lines) and len(lines[last]) - len(lines[last].lstrip()) > indent:
        last += 1
    return "\n".join(lines[:first] + lines[last:])


def line_of(fault, text, mutated):
    if fault.at:
        return mutated.count("\n", 0, place(mutated, fault.at, fault.after)) + 1
    before, after = text.split("\n"), mutated.split("\n")
    return next(number for number, (old, new) in enumerate(zip(before, after, strict=False), 1) if old != new)
