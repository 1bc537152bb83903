"""What a batch's process imports decides when it is ready: nothing that only a master, a line or a terminal needs."""

import subprocess
import sys

HEAVY = {
    *("fastapi", "starlette", "pydantic", "uvicorn", "httpx", "websockets", "pony", "rich", "colorama", "jsonschema"),
    *("importlib.resources", "importlib.metadata", "ruamel.yaml", "tempfile", "shutil", "multiprocessing", "serial"),
    *("parsers", "engine.devices", "engine.store", "engine.net", "engine.station.station", "engine.station.web"),
    "engine.documents.render",
}


def test_a_process_of_a_sequence_imports_nothing_heavy():
    script = (
        "import sys, runpy; sys.argv.append('spare')\n"
        "import os; os._exit = lambda code: print(*sys.modules) or sys.exit(code)\n"
        "runpy.run_module('engine.station.worker', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    modules = set(done.stdout.split())
    assert "engine.station.worker_life" in modules
    assert modules & HEAVY == set()
