"""``python -m engine``."""

from engine.cli.main import run

run()
