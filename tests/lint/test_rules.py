"""What each rule is about, and what it leaves alone. The plain wrong and right cases are the examples of 'explain'."""

# ruff: noqa: E501 - charts on one line are easier to compare

import pytest
from lint_kit import check_text, codes, told


def chart(states, head="", initial="a"):
    return f"chart: x\ninitial: {initial}\n{head}states:\n{states}"


class TestReaching:
    def test_what_only_an_unreachable_state_leads_to_is_not_told_as_well(self):
        text = chart(
            "  a: {after: {1 s: a2}}\n  a2: {after: {1 s: a}}\n  b: {after: {1 s: c}}\n  c: {after: {1 s: a}}\n"
        )
        assert told(text) == [("unreachable-state", 6)]

    def test_of_unreachable_states_in_a_circle_one_is_told(self):
        text = chart(
            "  a: {after: {1 s: a2}}\n  a2: {after: {1 s: a}}\n  b: {after: {1 s: c}}\n  c: {after: {1 s: b}}\n"
        )
        assert told(text) == [("unreachable-state", 6)]

    def test_inside_an_unreachable_state_nothing_more_is_told(self):
        text = chart("  a: {type: final}\n  b:\n    initial: c\n    states: {c: {type: final}, d: {type: final}}\n")
        assert told(text) == [("unreachable-state", 5)]

    def test_a_condition_that_is_never_true_leads_nowhere(self):
        text = chart(
            "  a: {after: {1 s: [{target: b, when: false}, {target: c}]}}\n  b: {type: final}\n  c: {type: final}\n"
        )
        assert codes(text) == ["constant-condition", "unreachable-state"]

    def test_the_regions_beside_a_target_are_entered_too(self):
        regions = "      r: {initial: r1, states: {r1: {after: {1 s: r2}}, r2: {after: {1 s: r1}}}}\n"
        regions += "      s: {initial: s1, states: {s1: {after: {1 s: s2}}, s2: {after: {1 s: s1}}}}\n"
        text = chart(f"  a: {{after: {{1 s: r2}}}}\n  p:\n    type: parallel\n    states:\n{regions}")
        assert codes(text) == []

    def test_a_finally_is_reached_by_whatever_leaves_its_state(self):
        inner = "    initial: on\n    finally: off\n    states: {on: {after: {1 s: b}}, off: {entry: [{log: off}]}}\n"
        assert codes(chart(f"  a:\n{inner}  b: {{type: final}}\n")) == []

    def test_a_history_state_that_nothing_leads_to_is_unreachable(self):
        inner = (
            "    initial: b\n    states: {b: {after: {1 s: c}}, c: {after: {1 s: b}}, h: {type: history, default: b}}\n"
        )
        assert codes(chart(f"  a:\n{inner}")) == ["unreachable-state"]


class TestLeaving:
    def test_a_way_out_of_an_ancestor_is_a_way_out(self):
        text = chart(
            "  a:\n    initial: b\n    on: {go: c}\n    states: {b: {}}\n  c: {type: final}\n", "events: {go: {}}\n"
        )
        assert codes(text) == []

    def test_going_back_to_where_one_is_is_no_way_out(self):
        text = chart("  a: {on: {go: a, stay: {}}}\n  b: {type: final}\n", "events: {go: {}, stay: {}}\non: {go: a}\n")
        assert "dead-end" in codes(text.replace("stay: {}}}", "stay: {actions: [{log: x}]}}}"))

    def test_another_region_may_end_all_of_them(self):
        regions = "      r: {initial: r1, states: {r1: {}, r2: {type: final}}}\n      s: {initial: s1, states: {s1: {after: {1 s: b}}}}\n"
        text = chart(f"  a:\n    type: parallel\n    states:\n{regions}  b: {{type: final}}\n")
        assert codes(text) == ["unreachable-state"]

    def test_a_state_that_is_all_there_is_may_stay(self):
        assert codes(chart("  a: {on: {go: {actions: [{log: went}]}}}\n", "events: {go: {}}\n")) == []

    def test_a_cleanup_is_left_when_it_is_done(self):
        inner = "    initial: on\n    finally: off\n    states: {on: {after: {1 s: b}}, off: {exit: [{log: x}]}}\n"
        assert codes(chart(f"  a:\n{inner}  b: {{type: final}}\n")) == []


class TestWaiting:
    STORE = "  a:\n    invoke: {{service: store.load_gateway, on: {{registered: b, unregistered: b, error: b}}}}\n{}  b: {{type: final}}\n"

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            ("", ["waits-forever"]),
            ("    after: {1 min: b}\n", []),
            ("    after: {1 min: {actions: [{log: still waiting}]}}\n", ["waits-forever"]),
            ("    on: {operator.cancels: b}\n", []),
            ("    on: {scale.lost: b}\n", ["waits-forever"]),  # a device that is silent says nothing
            ("    on: {error.service: b}\n", ["waits-forever"]),
        ],
    )
    def test_a_service_that_may_never_answer(self, more, expected):
        head = "".join(f"events: {{{name}: {{}}}}\n" for name in ("operator.cancels", "scale.lost") if name in more)
        assert codes(chart(self.STORE.format(more), head)) == expected

    def test_a_session_is_meant_to_last(self):
        invoke = "    invoke: {service: stream.session, on: {closed: b, unauthorized: b, error: b}}\n"
        assert codes(chart(f"  a:\n{invoke}  b: {{type: final}}\n")) == []

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            ("", ["waits-for-device"]),
            ("    after: {1 min: b}\n", []),
            ("    tags: [safe]\n", []),
        ],
    )
    def test_a_device_that_may_fall_silent(self, more, expected):
        text = chart(f"  a:\n    on: {{weight.read: b}}\n{more}  b: {{type: final}}\n", "events: {weight.read: {}}\n")
        assert codes(text) == expected

    def test_conditions_that_only_readings_can_fulfil_are_waiting_for_a_device(self):
        state = "    on: {weight.read: {actions: [{window.add: w}]}}\n    always: {when: data.w.count > 3, target: b}\n"
        head = "events: {weight.read: {}}\ndata: {w: {type: window}}\n"
        assert codes(chart(f"  a:\n{state}  b: {{type: final}}\n", head)) == ["waits-for-device"]


class TestOrder:
    @pytest.mark.parametrize(
        ("handlers", "expected"),
        [
            ("go: [b, c]", ["same-event-twice"]),
            ("go: [b, {target: c, when: data.n > 1}]", ["shadowed-transition"]),
            ("go: [{target: b, when: data.n > 1}, c]", []),
            ("'*': b, go: c", ["shadowed-transition"]),
            ("'go.*': b, go.now: c", ["shadowed-transition"]),
            ("go.now: c, 'go.*': b", []),
            ("go: [{target: b, when: true}, c]", ["constant-condition", "same-event-twice"]),
        ],
    )
    def test_the_first_without_a_condition_wins(self, handlers, expected):
        head = "events: {go: {}, go.now: {}}\ndata: {n: {type: int, default: 0}}\nentry: [{assign: {n: 1}}, {log: '${data.n}'}]\n"
        states = f"  a: {{on: {{{handlers}, other: [b, c]}}}}\n  b: {{after: {{1 s: a}}}}\n  c: {{after: {{1 s: a}}}}\n"
        found = codes(chart(states.replace(", other: [b, c]", ""), head))
        assert [code for code in found if code not in {"unreachable-state", "unused-event"}] == expected

    def test_a_later_timer_never_runs_out(self):
        text = chart(
            "  a: {after: {30 s: b, 20 s: {actions: [{log: soon}]}, 40 s: c}}\n  b: {type: final}\n  c: {type: final}\n"
        )
        assert codes(text) == ["shadowed-transition"]

    def test_an_inner_state_may_hold_back_what_the_outer_one_would_do_at_once(self):
        inner = "    always: b\n    on: {go: b}\n    initial: c\n    states: {c: {always: {when: data.n > 0, target: d}}, d: {after: {1 s: b}}}\n"
        head = "events: {go: {}}\ndata: {n: {type: int, default: 0}}\n"
        assert "left-at-once" not in codes(chart(f"  a:\n{inner}  b: {{type: final}}\n", head))


class TestCycles:
    HEAD = "data: {n: {type: int, default: 0}, m: {type: int, default: 0}}\nentry: [{log: '${data.n} ${data.m}'}]\n"

    @pytest.mark.parametrize(
        ("states", "is_cycle"),
        [
            ("  a: {always: b}\n  b: {always: a}\n", True),
            ("  a: {always: {actions: [{log: again}]}}\n", True),
            ("  a: {always: {when: data.n > 3, target: a}, after: {1 s: b}}\n  b: {type: final}\n", True),
            ("  a: {always: {when: data.n > 3, target: a, actions: [{assign: {n: 0}}]}, after: {1 s: b}}\n  b: {type: final}\n", False),
            ("  a: {always: {when: data.n > 3, target: a}, exit: [{assign: {n: 0}}], after: {1 s: b}}\n  b: {type: final}\n", False),
            ("  a: {always: {when: data.n > 3, target: b}}\n  b: {always: {when: data.m > 3, target: a}}\n", False),
            ("  a: {always: {when: data.n > 3, target: b}}\n  b: {always: {when: data.n > 3, target: a}}\n", True),
            ("  a: {always: [{when: data.n > 3, target: b}, {target: c}]}\n  c: {always: {target: a, actions: [{assign: {n: '${data.n + 1}'}}]}}\n  b: {type: final}\n", False),
            ("  a: {always: [{when: data.m > 3, target: b}, {target: c}]}\n  c: {always: {target: a, actions: [{assign: {n: '${data.n + 1}'}}]}}\n  b: {type: final}\n", True),
            ("  a: {always: {when: now() != null, target: a}}\n", False),
            ("  a: {always: b}\n  b: {always: c}\n  c: {after: {1 s: a}}\n", False),
            ("  a: {initial: b, always: {target: b, internal: true}, states: {b: {}}}\n", True),
        ],
    )  # fmt: skip
    def test_going_round_without_an_event(self, states, is_cycle):
        assert ("eventless-cycle" in codes(chart(states, self.HEAD))) is is_cycle


class TestShape:
    REGIONS = "      r: {initial: r1, states: {r1: {after: {1 s: r2}}, r2: {after: {1 s: r1}}}}\n      s: {initial: s1, states: {s1: {after: {1 s: s2}}, s2: {after: {1 s: s1}}}}\n"

    @pytest.mark.parametrize(
        ("targets", "expected"),
        [("[r2, s2]", []), ("[r1, r2]", ["targets-exclude"]), ("[p, r2]", ["targets-exclude"]), ("[r1, r1]", ["targets-exclude"])],
    )  # fmt: skip
    def test_several_targets_are_one_in_each_region(self, targets, expected):
        text = chart(
            f"  a: {{after: {{1 s: {{target: {targets}}}}}}}\n  p:\n    type: parallel\n    states:\n{self.REGIONS}"
        )
        assert codes(text) == expected

    def test_leaving_a_parallel_state_from_a_region_is_no_crossing(self):
        text = chart(
            f"  p:\n    type: parallel\n    states:\n{self.REGIONS.replace('r1: {', 'r1: {on: {go: a}, ')}  a: {{after: {{1 s: p}}}}\n",
            "events: {go: {}}\n",
            initial="p",
        )
        assert codes(text) == []

    def test_a_parallel_state_ends_when_all_regions_do(self):
        regions = self.REGIONS.replace("r2: {after: {1 s: r1}}", "r2: {type: final}")
        text = chart(
            f"  p:\n    type: parallel\n    on: {{done: a}}\n    states:\n{regions}  a: {{type: final}}\n", initial="p"
        )
        assert codes(text) == ["done-never-happens"]
        assert codes(text.replace("s2: {after: {1 s: s1}}", "s2: {type: final}")) == []


class TestUse:
    def test_an_event_that_a_device_sends_may_be_declared_to_be_ignored(self):
        assert codes(chart("  a: {type: final}\n", "events: {card.left: {uid: text}}\n")) == []

    def test_an_event_that_an_invoked_service_sends_may_be_declared_to_be_ignored(self):
        invoke = "    invoke: {service: stream.session, on: {closed: b, unauthorized: b, error: b}}\n"
        text = chart(f"  a:\n{invoke}  b: {{type: final}}\n", "events: {stream.start: {}}\n")
        assert codes(text) == []
        assert codes(chart("  a: {type: final}\n", "events: {stream.start: {}}\n")) == ["unused-event"]

    def test_a_wildcard_handles(self):
        assert codes(chart("  a: {on: {'go.*': b}}\n  b: {type: final}\n", "events: {go.now: {}}\n")) == []

    @pytest.mark.parametrize(
        "use",
        [
            "  a: {after: {'${data.d}': b}}\n",
            "  a: {invoke: {service: store.pending_records, with: {limit: '${data.n}'}, timeout: '${data.d}', on: {found: b, none: b, error: b, timeout: b}}}\n",
            "  a: {always: {guard: {not: {when: data.d > q('1 s')}}, target: b}, after: {1 s: b}}\n",
            "  a: {entry: [{choose: [{when: data.d > q('1 s'), actions: [{log: '${data.n}'}]}]}], after: {1 s: b}}\n",
            "  a: {entry: [{send: {event: go, delay: '${data.d}'}}], on: {go: b}}\n",
        ],
    )  # fmt: skip
    def test_every_place_of_an_expression_is_a_use(self, use):
        head = "data: {d: {type: duration, default: 1 s}, n: {type: int, default: 1}}\nevents: {go: {}}\n"
        text = chart(f"{use}  b: {{type: final, done: {{n: '${{data.n}}', d: '${{data.d}}'}}}}\n", head)
        assert "unused-data" not in codes(text)

    def test_putting_something_in_is_no_use(self):
        text = chart(
            "  a: {entry: [{assign: {n: 1}}, {window.clear: w}], after: {1 s: b}}\n  b: {type: final}\n",
            "data: {n: {type: int}, w: {type: window}}\n",
        )
        assert codes(text) == ["unused-data", "unused-data"]

    def test_what_a_retry_adds_is_not_told(self):
        invoke = "    invoke:\n      service: store.save_token\n      timeout: 5 s\n      retry: {times: 3, first: 1 s}\n      on: {saved: b, error: b, timeout: b}\n"
        assert codes(chart(f"  a:\n{invoke}  b: {{type: final}}\n")) == []

    def test_a_finding_in_what_a_retry_made_names_what_was_written(self):
        invoke = "    invoke:\n      service: store.save_token\n      retry: {times: 3, first: 1 s}\n      on: {saved: b, error: b}\n"
        assert told(chart(f"  a:\n{invoke}  b: {{type: final}}\n")) == [("waits-forever", 6)]


class TestStages:
    def test_what_cannot_be_read_does_not_hide_the_rest(self):
        text = chart("  a: {on: {go: {traget: b}}, after: {1 s: c}}\n  b: {after: {1: a}}\n", "events: {go: {}}\n")
        assert codes(text) == ["unknown-key", "unknown-target", "needs-unit"]

    def test_what_follows_from_something_cut_out_is_not_told(self):
        text = chart("  a: {after: {1 s: b}}\n  b: [1]\n", "data: {n: {typ: int}}\nentry: [{log: '${data.n}'}]\n")
        assert codes(text) == ["missing-key", "unknown-key", "wrong-type"] or set(codes(text)) <= {
            "unknown-key",
            "wrong-type",
        }

    @pytest.mark.parametrize(
        ("state", "told"),
        [
            (
                "{invoke: {service: store.forget, with: truck, timeout: 1 s, on: {done: a, error: a, timeout: a}}}",
                ["wrong-type"],
            ),
            ("{invoke: {service: store.forget, with: {key: x}, timeout: 1 s, on: a}}", ["wrong-type"]),
            ("{type: paralel, states: {c: {after: {1 s: a}}}}", ["wrong-value"]),
            ("{type: finl, states: {c: {after: {1 s: a}}}}", ["wrong-value"]),
            ("{type: final, done: 3}", ["wrong-type"]),
        ],
    )
    def test_what_was_cut_out_is_not_called_missing_as_well(self, state, told):
        assert codes(chart(f"  a: {{after: {{1 s: b}}}}\n  b: {state}\n")) == told

    @pytest.mark.parametrize(
        ("limits", "range_"), [("min: 7", "≥ 7"), ("max: 3", "≤ 3"), ("min: 1, max: 3", "1 ... 3")]
    )
    def test_a_range_with_one_end_is_told_as_such(self, limits, range_):
        text = f"settings: {{n: {{type: int, default: 5, {limits}}}}}\n"
        found = check_text(
            chart("  a: {after: {1 s: b}, entry: [{log: '${settings.n}'}]}\n  b: {after: {1 s: a}}\n", text)
        )
        assert [(one.code, one.params["range"]) for one in found] == [("out-of-range", range_)]

    def test_a_misspelt_target_makes_no_state_unreachable(self):
        assert codes(chart("  a: {after: {1 s: bb}}\n  b: {after: {1 s: a}}\n")) == ["unknown-target"]

    def test_a_misspelt_guard_is_a_condition_all_the_same(self):
        text = chart("  a: {after: {1 s: [{target: b, guard: is_ful}, c]}}\n  b: {type: final}\n  c: {type: final}\n")
        assert codes(text) == ["unknown-guard"]

    def test_a_default_that_is_wrong_is_not_called_missing(self):
        text = chart(
            "  a: {after: {'${settings.s}': b}}\n  b: {type: final}\n", "settings: {s: {type: duration, default: 3}}\n"
        )
        assert codes(text) == ["needs-unit"]

    def test_every_problem_is_told_at_once(self):
        text = chart("  a: {on: {gone: b}, entry: [{lock: x}], after: {1: b}}\n  b: {always: {when: 1 +, target: a}}\n")
        assert codes(text) == ["unknown-event", "unknown-action", "needs-unit", "expression-syntax"]
