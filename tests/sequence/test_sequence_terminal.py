"""Questions in a real terminal: asked on the screen, answered from the keyboard."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")


def test_a_question_is_asked_until_it_is_answered_by_a_choice_or_its_number():
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "sequence", "run", "scale_check", "--simulate"],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "LANG": "en_US.UTF-8", "TERM": "dumb", "COLUMNS": "200"},
    )  # fmt: skip
    os.close(theirs)
    screen = b""
    try:
        typed = [(b"2  ", b"maybe\n"), (b"one of the answers", b"1\n")]
        while True:
            try:
                screen += os.read(ours, 4096)
            except OSError:  # the other side is closed: it has ended
                break
            if typed and typed[0][0] in screen:
                os.write(ours, typed.pop(0)[1])
    finally:
        os.close(ours)
        assert process.wait(30) == 0
    assert typed == []
    assert b"PASS" in screen
