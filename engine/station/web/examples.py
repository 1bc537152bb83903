"""What stands in the OpenAPI as an example of every answer, good and bad; a test holds each against its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.station.web.problems import MEDIA_TYPE, problem_body

_ID: Final = "5c51caeb-46be-4bdd-a980-12e2f775dd6f"
_AT: Final = "2025-01-01T12:00:00Z"
_LATER: Final = "2025-01-01T12:00:45.200000Z"

_PROMPT: Final = {
    "id": f"{_ID}/1",
    "step": "look",
    "text": "LED가 켜졌습니까?",
    "choices": ["예", "아니오"],
    "timeout": 60.0,
}
_BATCH: Final = {
    "id": "batch_1", "name": "1번 지그", "status": "running", "pid": 4711, "currentStep": "look", "stepIndex": 8,
    "totalSteps": 13, "progress": 0.538, "sequenceName": "power_board", "sequenceVersion": "1.2.0", "startedAt": _AT,
    "elapsed": 12.5, "executionId": _ID, "state": "executing", "owesCleanup": False, "prompts": [_PROMPT],
    "waitsFor": [],
}  # fmt: skip
_DETAIL: Final = {
    **_BATCH, "sequencePackage": "power_board", "hardware": {"psu": {"port": "/dev/ttyUSB0"}},
    "parameters": {"vin": 12.0}, "autoStart": True, "simulate": False, "afterCrash": "cleanup",
}  # fmt: skip
_SUMMARY: Final = {
    "id": _ID, "batchId": "batch_1", "sequenceName": "power_board", "sequenceVersion": "1.2.0", "status": "completed",
    "overallPass": True, "parameters": {"vin": 12.0}, "startedAt": _AT, "completedAt": _LATER, "duration": 45.2,
    "syncedAt": "2025-01-01T12:00:46Z", "verdict": "pass", "isInterrupted": False, "isSimulated": False,
    "packageHash": "1be239b6a1e2c829", "serial": "SN-0042", "operator": "김철수",
}  # fmt: skip
_STEP: Final = {
    "name": "rail_3v3", "order": 4, "status": "completed", "pass": True, "startedAt": _AT,
    "completedAt": "2025-01-01T12:00:02.500000Z", "duration": 2.5, "result": {"value": 3.312}, "path": "rail_3v3",
    "title": "3.3 V 레일", "verdict": "pass",
    "measurements": [{"name": "v3v3", "value": 3.312, "unit": "V", "verdict": "pass", "limits": "3.135 ... 3.465"}],
    "attempts": 1, "isCleanup": False,
}  # fmt: skip
_RESULT: Final = {**_SUMMARY, "steps": [_STEP]}
_CSV: Final = (
    "executionId,batchId,sequenceName,sequenceVersion,serial,operator,startedAt,order,step,path,status,pass,verdict,"
    "duration,measurement,value,unit,limits,measurementVerdict,error\r\n"
    f"{_ID},batch_1,power_board,1.2.0,SN-0042,김철수,{_AT},4,rail_3v3,rail_3v3,completed,true,pass,2.5,v3v3,3.312,V,"
    "3.135 ... 3.465,pass,\r\n"
)
_JUNIT: Final = (
    '<testsuites><testsuite name="power_board" tests="1" failures="0" errors="0" skipped="0" time="45.200000">'
    '<testcase classname="power_board" name="rail_3v3" time="2.500000" /></testsuite></testsuites>'
)
_SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg"><g class="state active" data-state="look"/></svg>'
_SEQUENCE: Final = {
    "name": "power_board", "version": "1.2.0", "title": "전원 보드 검사", "description": "레일 전압과 LED를 확인한다.",
    "problems": [],
}  # fmt: skip
_VOLTAGE: Final = {"name": "voltage", "type": "number", "unit": "V", "choices": [], "isRequired": True}
_SEQUENCE_DETAIL: Final = {
    **_SEQUENCE, "hash": "1be239b6a1e2c829", "total": 13, "isChart": False,
    "parameters": [{
        "name": "vin", "type": "number", "unit": "V", "title": "입력 전압", "help": "", "default": 12.0, "min": 9.0,
        "max": 16.0, "choices": [],
    }],
    "steps": [{
        "name": "rail_3v3", "title": "3.3 V 레일", "kind": "call", "onFail": "continue", "branches": [],
        "measures": [{"name": "v3v3", "unit": "V"}], "hardware": "dmm", "command": "read", "timeout": 2.0,
    }],
    "cleanup": [{
        "name": "power_off", "title": "전원 끄기", "kind": "call", "onFail": "stop", "branches": [], "measures": [],
        "hardware": "psu", "command": "off", "timeout": 2.0,
    }],
    "hardware": [{
        "name": "psu", "title": "직류 전원 공급기", "driver": "drivers.psu:Psu", "lock": "psu-1", "canSimulate": True,
        "config": [{"name": "port", "type": "text", "help": "전원 공급기의 시리얼 포트"}],
        "commands": [{"name": "on", "arguments": [_VOLTAGE], "unit": "", "takesAny": False}],
    }],
}  # fmt: skip
_YIELD: Final = {
    "runs": 7, "passed": 4, "units": 6, "firstPasses": 3, "finalPasses": 4, "runYield": 0.571, "firstPassYield": 0.5,
    "finalYield": 0.667, "verdicts": {"pass": 3, "marginal": 1, "fail": 3},
    "pareto": [{"step": "rail_3v3", "runs": 3, "verdicts": {"fail": 3}, "share": 1.0, "cumulative": 1.0}],
    "measurements": [{
        "step": "rail_3v3", "name": "v3v3", "unit": "V", "limits": "3.135 ... 3.465", "count": 7, "failed": 3,
        "marginal": 1, "mean": 3.3, "deviation": 0.05, "lowest": 3.2, "highest": 3.5, "low": 3.135, "high": 3.465,
        "cp": 1.1, "cpk": 1.1,
    }],
}  # fmt: skip
_RUNNING: Final = {"status": "running"}
_STARTED: Final = {"status": "running", "pid": 4711}
_BEGUN: Final = {"executionId": _ID}
_ONE: Final = "/api/batches/{batch_id}"
_JSON: Final = "application/json"

ANSWERS: Final[Mapping[tuple[str, str], Mapping[str, object]]] = {
    ("get", "/api/system/info"): {_JSON: {
        "id": "line-3", "name": "3라인", "version": "1.0.0", "startedAt": _AT, "uptime": 45.2, "batches": 2,
        "backendUrl": "http://neurohub.local:3000", "authRequired": False,
    }},
    ("get", "/api/system/health"): {_JSON: {
        "status": "ok", "version": "1.0.0", "backend_connected": True, "diskPercent": 41.5,
        "batches": {"running": 1, "idle": 1}, "queueDepth": 0, "queueParked": 0, "uptime": 45.2, "websocketClients": 1,
    }},
    ("post", "/api/system/sync"): {_JSON: {"sent": 3, "waiting": 0, "parked": 0, "error": None}},
    ("get", "/api/logs"): {_JSON: [{
        "number": 7, "at": _AT, "level": "error", "batchId": "batch_1", "source": "station",
        "message": "station.worker.died", "values": {"pid": "4711"},
    }]},
    ("get", "/api/batches"): {_JSON: [_BATCH]},
    ("post", "/api/batches"): {_JSON: _DETAIL},
    ("get", _ONE): {_JSON: _DETAIL},
    ("put", _ONE): {_JSON: _DETAIL},
    ("post", f"{_ONE}/start"): {_JSON: _STARTED},
    ("post", f"{_ONE}/stop"): {_JSON: {"status": "idle"}},
    ("post", f"{_ONE}/restart"): {_JSON: _STARTED},
    ("post", f"{_ONE}/sequence/start"): {_JSON: _BEGUN},
    ("post", f"{_ONE}/sequence/stop"): {_JSON: _RUNNING},
    ("post", f"{_ONE}/sequence/resume"): {_JSON: _BEGUN},
    ("post", f"{_ONE}/manual"): {_JSON: {"success": True, "value": 3.312, "duration": 0.012}},
    ("get", f"{_ONE}/prompts"): {_JSON: [_PROMPT]},
    ("post", f"{_ONE}/cleanup"): {_JSON: {"status": "error"}},
    ("get", f"{_ONE}/chart"): {"image/svg+xml": _SVG},
    ("get", "/api/sequences"): {_JSON: [_SEQUENCE]},
    ("get", "/api/sequences/{name}"): {_JSON: _SEQUENCE_DETAIL},
    ("get", "/api/results"): {_JSON: {"items": [_SUMMARY], "total": 1, "offset": 0, "limit": 50}},
    ("get", "/api/results/{execution_id}"): {_JSON: _RESULT},
    ("get", "/api/results/{execution_id}/export"): {_JSON: _RESULT, "text/csv": _CSV, "application/xml": _JUNIT},
    ("get", "/api/reports/yield"): {
        _JSON: _YIELD, "text/csv": "kind,step,name,unit,figure,value\r\nyield,,,,first_pass_yield,0.5\r\n",
    },
    ("get", "/api/audit"): {_JSON: {
        "items": [{
            "at": _AT, "actor": "line-3", "action": "sequence.stop", "batchId": "batch_1",
            "detail": {"reason": "wrong board"}, "outcome": "ok",
        }],
        "total": 1, "offset": 0, "limit": 50,
    }},
    ("post", "/api/session"): {_JSON: {"name": "line-3", "keyRequired": True}},
}  # fmt: skip

_PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "401": ("unauthorized", "show a key: X-API-Key, or Authorization: Bearer"),
    "403": ("foreign-origin", "pages of 'http://elsewhere.example' may not use this station"),
    "404": ("unknown-batch", "no batch is called 'batch_9'"),
    "409": ("wrong-state", "batch 'batch_1' is running; stop it first"),
    "413": ("too-large", "a body has at most 1048576 bytes"),
    "422": ("bad-request", "limit: Input should be greater than or equal to 1"),
    "429": ("too-many-wrong-keys", "too many wrong keys came from there"),
    "501": ("no-drawing", "there is no drawing of this sequence"),
    "503": ("stopping", "the station is being stopped"),
}
_OTHERS: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("/api/sequences", "404"): ("unknown-sequence", "no sequence is called 'nowhere'"),
    ("/api/results", "404"): ("unknown-result", f"no result is called '{_ID}'"),
    ("/api/system/sync", "409"): ("no-backend", "station.yaml has no backend to send results to"),
}


def illustrate(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Put the examples into the paths of an OpenAPI document."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                for media_type, content in response.get("content", {}).items():
                    if media_type == MEDIA_TYPE:
                        content["example"] = _problem(path, status)
                    else:
                        content["example"] = ANSWERS[method, path][media_type]


def _problem(path: str, status: str) -> dict[str, Any]:
    special = (said for (head, code), said in _OTHERS.items() if path.startswith(head) and code == status)
    code, detail = next(special, _PROBLEMS[status])
    return problem_body(int(status), code, detail, path.replace("{batch_id}", "batch_9").replace("{execution_id}", _ID))
