"""How what a chart wrote becomes the short texts of a picture."""

import pytest
from render_kit import everything, scene

from engine.bindings.types import ValueType
from engine.chart.model import BoundAction, Declaration
from engine.errors import Position
from engine.render.words import action_text, delay, duration_text, expression, guard_text, value_text, whole_action

HERE = Position("test.yaml", 1, 1)
SETTINGS = {"wait": "30 s", "least": "50 g"}


def action(text):
    return BoundAction(text, lambda _machine, _event: None, HERE)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.1, "100 ms"), (1.5, "1.5 s"), (60.0, "60 s"), (90.0, "90 s"), (300.0, "5 min"), (3600.0, "1 h"),
     (86400.0, "1 d"), (5400.0, "90 min")],
)  # fmt: skip
def test_a_duration_is_written_as_a_chart_would_write_it(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [("duration", 30.0, "30 s"), ("flag", False, "false"), ("secret", "1234-5678", "…"),
     ("list", ["가", 1], '["가", 1]'), ("int", 3, "3")],
)  # fmt: skip
def test_a_default_is_shown_as_it_is_written_and_a_secret_is_not_shown(type_, value, text):
    assert value_text(Declaration("x", ValueType(type_), HERE, value)) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [("${event.uid}", "event.uid"), ("${q('0 s')}", "0 s"), ("no answer", "no answer"),
     ("event.value < settings.least", "event.value < settings.least (50 g)"), ("settings.unknown", "settings.unknown"),
     ("${data['sync/attempt'] + 1}", "data.attempt + 1"), (True, "true"), (None, "null"),
     ("card ${event.uid} held", "card ${event.uid} held")],
)  # fmt: skip
def test_an_expression_stands_bare_with_the_values_of_its_settings(written, text):
    assert expression(written, SETTINGS) == text


@pytest.mark.parametrize(
    ("written", "head", "note"),
    [("30 s", "30 s", ""), ("${settings.wait}", "30 s", "settings.wait"),
     ("${max(data.pause, settings.wait)}", "", "max(data.pause, settings.wait (30 s))")],
)  # fmt: skip
def test_a_time_that_is_a_setting_shows_its_value_first(written, head, note):
    assert delay(written, SETTINGS) == (head, note)


@pytest.mark.parametrize(
    ("written", "text"),
    [("event.value > 3", "event.value > 3"),
     ('{"window_is_stable": {"window": "samples", "for": "${settings.wait}"}}',
      "window_is_stable(window samples, for settings.wait (30 s))"),
     ('data.x and {"card_is_fresh": null}', "data.x and card_is_fresh"),
     ('{"any": ["a", {"not": {"when": "data.x"}}]}', "(a or not data.x)"),
     ('{"all": ["a", "b"]}', "(a and b)"), ('{"broken', '{"broken')],
)  # fmt: skip
def test_a_guard_reads_as_one_claim(written, text):
    assert guard_text(written, SETTINGS) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [('assign {"uid": "${event.uid}", "held": null}', "uid := event.uid; held := null"),
     ('log {"message": "gave up", "level": "warning"}', "log “gave up”"),
     ("log a message that goes on and on and on for ever", "log “a message that goes on and on…”"),
     ('send {"to": "upload", "event": "record.committed"}', "send record.committed → upload"),
     ('send {"event": "tick", "delay": "5 s", "id": "later"}', "send tick in 5 s"),
     ('raise {"event": "go"}', "raise go"),
     ('cancel {"id": "later"}', "cancel later"), ("signal.show saved", "signal.show saved"), ("stop", "stop"),
     ('printer.print {"copies": 2}', "printer.print(copies 2)"),
     ('choose [{"when": "data.x", "actions": ["beep", {"log": "x"}]}, {"actions": [{"raise": {"event": "go"}}]}]',
      "if data.x: beep, log “x”; else: raise go")],
)  # fmt: skip
def test_an_action_is_shown_in_short(written, text):
    assert action_text(action(written), SETTINGS) == text


def test_the_whole_text_of_an_action_leaves_nothing_out():
    written = 'log {"message": "' + "a long message " * 10 + '", "level": "error"}'
    assert whole_action(action(written), SETTINGS) == f"log {{message: {'a long message ' * 10}, level: error}}"


def test_an_unguarded_transition_after_guarded_ones_of_its_event_is_their_else():
    states = "{a: {on: {go: [{target: b, when: event.n > 1}, c]}}, b: {}, c: {}}"
    told = scene(f"chart: x\ninitial: a\nevents: {{go: {{n: int}}}}\nstates: {states}")
    guards = [reaction.guard for reaction in told.boxes["a"].reactions]
    assert guards == ["event.n > 1", "else"]


def test_outcomes_of_several_services_in_one_state_tell_whose_they_are():
    heads = [reaction.head for reaction in everything().boxes["measuring"].reactions]
    assert "upload: done" in heads
    assert "server.find_gateway: timeout 30 s" in heads


def test_what_is_done_on_the_way_in_is_told_where_the_way_leads():
    way = 'initial: {target: a, actions: [{log: "in"}]}, states: {a: {}, h: %s}, on: {go: {target: a, internal: true}}'
    told = scene(
        "chart: x\ninitial: w\nevents: {go: {}}\nstates: {w: {%s}}"
        % (way % '{type: history, default: {target: a, actions: [{log: "again"}]}}')
    )
    assert [(fact.kind.value, fact.short) for fact in told.boxes["w"].facts] == [
        ("initial", "log “in”"),
        ("history", "log “again”"),
    ]
    assert told.boxes["w"].reactions[0].note == "internal"
