"""A fault planted anywhere in a shipped chart is found: with the right code, at the right line."""

# ruff: noqa: E501 - what is planted is the charts' own text, line ends included

from typing import NamedTuple

import pytest
from lint_kit import check_file, shipped_text

from machines import shipped_charts


class Fault(NamedTuple):
    chart: str
    old: str
    new: str
    code: str
    at: str = ""  # what stands on the line of the finding; without it, the first line that has changed


FAULTS = [
    # names
    Fault("weighing", "error: boot_again", "error: boot_agian", "unknown-target"),
    Fault(
        "weighing",
        "target: recalling, actions: [{assign: {approved: true}}]}\n        unregistered:",
        "target: recaling, actions: [{assign: {approved: true}}]}\n        unregistered:",
        "unknown-target",
    ),
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
    Fault(
        "weighing",
        'assign: {uid: "${event.uid}"}}]}\n      # engine',
        'assign: {uit: "${event.uid}"}}]}\n      # engine',
        "unknown-data",
    ),
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
        '            within: "${settings.tolerance}"\n',
        "",
        "missing-argument",
        at="          window_is_stable:",
    ),
    Fault("weighing", '        rfid_uid: "${data.uid}"\n', "", "missing-argument", at="      with:\n        id"),
    Fault("registration", "backoff(data.attempt", "backof(data.attempt", "unknown-function"),
    # shape
    Fault("upload", "        title: 찾는 중", "        titel: 찾는 중", "unknown-key"),
    Fault("weighing", "initial: boot\n", "intial: boot\n", "unknown-key"),
    Fault("streaming", "    initial: connecting\n", "", "missing-initial", at="  session:"),
    Fault("registration", "  waiting:\n    title: 승인 대기", "  sync:\n    title: 승인 대기", "duplicate-key"),
    Fault("upload", "      noting_again:\n", "      closed:\n", "duplicate-state"),
    Fault(
        "weighing",
        "      title: 카드 대기".replace("      title", "        title"),
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
    # values
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
    # expressions
    Fault(
        "weighing",
        "            - target: ready\n              when: event.value < settings.min_weight or event.status == 'underload'\n          card.read:",
        "            - target: ready\n              when: event.value < 50 or event.status == 'underload'\n          card.read:",
        "type-mismatch",
        at="event.value < 50",
    ),
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
    # outcomes and waiting
    Fault(
        "upload",
        "            none: {target: waiting, actions: [{assign: {attempt: 0}}]}\n",
        "",
        "missing-outcome",
        at="            found: {target: sending",
    ),
    Fault(
        "weighing",
        '        full: {target: fault, actions: [{log: {message: "not committed: ${event.reason}", level: error}}]}\n',
        "",
        "missing-outcome",
        at="        saved:\n",
    ),
    Fault(
        "registration",
        "        error: {target: dropping_again",
        "        errors: {target: dropping_again",
        "unknown-outcome",
    ),
    Fault("weighing", "      timeout: 5 s\n", "", "timeout-never-fires", at="timeout: {target: fault"),
    Fault(
        "registration",
        "      timeout: 10 s\n      on:\n        saved:",
        "      on:\n        saved:",
        "timeout-never-fires",
        at="timeout: storing_again",
    ),
    Fault(
        "registration",
        "      timeout: 10 s\n      on:\n        registered:",
        "      on:\n        registered:",
        "waits-forever",
        at="      service: store.load_gateway",
    ),
    Fault("weighing", "    after: {2 s: boot}\n", "", "dead-end", at="  boot_again:"),
    Fault("registration", '    after: {"${settings.sync_interval}": sync}\n', "", "dead-end", at="  waiting:"),
    Fault(
        "weighing",
        '    after:\n      "${settings.give_up_after}":\n        target: idle\n',
        '    after:\n      "${settings.give_up_after}":\n',
        "waits-for-device",
        at="  measuring:\n",
    ),
    Fault(
        "weighing",
        "        title: 카드 대기\n        tags: [safe]\n        always:\n          - target: unregistered\n            when: settings.weigh_unregistered == 'never' and not data.approved\n",
        "        title: 카드 대기\n",
        "waits-for-device",
        at="      ready:\n",
    ),
    # ways through the chart
    Fault(
        "upload",
        "              - {target: pausing, when: data.failed > 0 and data.delivered > 0 and data.pause == q('0 s')}\n",
        "",
        "unreachable-state",
        at="      pausing:",
    ),
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
    Fault("upload", "                when: data.unauthorized\n", "", "shadowed-transition", at="- {target: pausing"),
    Fault(
        "weighing",
        "          - target: occupied\n            when: settings.require_empty\n",
        "          - target: occupied\n",
        "shadowed-transition",
        at="          - target: measuring\n            when: data.held != None and not",
    ),
    Fault(
        "weighing",
        "          - target: unregistered\n            when: settings.weigh_unregistered == 'never' and not data.approved\n",
        "          - target: unregistered\n",
        "left-at-once",
        at="          - target: unregistered\n",
    ),
    Fault("weighing", "    after: {2 s: boot}\n", "    always: boot_again\n", "eventless-cycle"),
    Fault("streaming", "on: {stream.stop: silent}", "always: streaming", "eventless-cycle"),
    Fault("upload", "when: data.unauthorized", "when: 1 > 0", "constant-condition"),
    Fault(
        "streaming",
        "    on:\n      gateway.dropped: closed\n",
        "    on:\n      gateway.dropped: closed\n      done: closed\n",
        "done-never-happens",
        at="      done: closed",
    ),
    # declarations
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
    # across charts, and comments
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
    assert text.count(fault.old) >= 1, "the chart has changed: plant the fault elsewhere"
    mutated = text.replace(fault.old, fault.new, 1)
    found = check_file(tmp_path / f"{fault.chart}.yaml", mutated)
    assert (fault.code, line_of(fault, text, mutated)) in {(one.code, one.position.line) for one in found}


def line_of(fault, text, mutated):
    if fault.at:
        assert fault.at in mutated, "the chart has changed: plant the fault elsewhere"
        return mutated[: mutated.index(fault.at)].count("\n") + 1
    before, after = text.split("\n"), mutated.split("\n")
    return next(number for number, (old, new) in enumerate(zip(before, after, strict=False), 1) if old != new)
