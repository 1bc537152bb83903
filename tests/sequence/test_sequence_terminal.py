"""Questions in a real terminal: asked on the screen, answered from the keyboard."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")


def on_a_terminal(package, typed):
    """Run it on a pseudo-terminal; each text is typed once what it waits for is on the screen."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "sequence", "run", package, "--simulate"],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "LANG": "en_US.UTF-8", "TERM": "dumb", "COLUMNS": "200"},
    )  # fmt: skip
    os.close(theirs)
    screen = b""
    try:
        while True:
            try:
                screen += os.read(ours, 4096)
            except OSError:  # the other side is closed: it has ended
                break
            if typed and typed[0][0] in screen:
                os.write(ours, typed.pop(0)[1])
    finally:
        os.close(ours)
        code = process.wait(30)
    assert typed == []
    return code, screen


def test_a_question_is_asked_until_it_is_answered_by_a_choice_or_its_number():
    code, screen = on_a_terminal("scale_check", [(b"2  ", b"maybe\n"), (b"one of the answers", b"1\n")])
    assert code == 0
    assert b"PASS" in screen


def test_a_question_that_nobody_can_answer_any_more_ends_the_run_through_its_cleanup():
    code, screen = on_a_terminal("power_board", [(b"2  ", b"\x04")])
    assert code == 1
    assert b"the keyboard was closed (Ctrl-D); answer with --answer look=TEXT" in screen
    assert b"power_off" in screen
