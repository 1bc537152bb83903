"""What many executions have in common, read beside the master's own connection: it never waits for a report.

This connection only reads, so that it can neither change anything nor write the log back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.ports import StoreError
from engine.store.station_filters import condition
from engine.store.station_ports import ResultFilter

_BUSY_S: Final = 5.0
_CHOSEN: Final = """WITH chosen AS MATERIALIZED (
    SELECT id, sequence_name, serial, verdict, overall_pass, started_at FROM executions
    WHERE status <> 'running' AND {condition}
)"""
# A unit is what has a serial number; a run without one is a unit of its own.
_UNITS: Final = """, runs AS (
    SELECT overall_pass,
        row_number() OVER (PARTITION BY sequence_name, coalesce(nullif(serial, ''), id) ORDER BY started_at, id) AS nth,
        row_number() OVER (
            PARTITION BY sequence_name, coalesce(nullif(serial, ''), id) ORDER BY started_at DESC, id DESC
        ) AS nth_last
    FROM chosen
)
SELECT count(*) AS runs, coalesce(sum(overall_pass), 0) AS passed, coalesce(sum(nth = 1), 0) AS units,
    coalesce(sum(nth = 1 AND overall_pass), 0) AS first_passes,
    coalesce(sum(nth_last = 1 AND overall_pass), 0) AS final_passes
FROM runs"""
_VERDICTS: Final = " SELECT coalesce(verdict, '') AS verdict, count(*) AS runs FROM chosen GROUP BY 1"
_PARETO: Final = """ SELECT step.name AS step, step.verdict AS verdict, count(DISTINCT chosen.id) AS runs
FROM chosen JOIN step_results AS step ON step.execution_id = chosen.id
WHERE step.verdict NOT IN ('pass', 'marginal') GROUP BY 1, 2"""
_MEASURED: Final = """, measured AS MATERIALIZED (
    SELECT step.name AS step, one.value ->> '$.name' AS name, one.value ->> '$.unit' AS unit,
        one.value ->> '$.verdict' AS verdict, one.value ->> '$.limits' AS limits, chosen.started_at AS at,
        json_type(one.value, '$.value') IN ('integer', 'real') AS is_number, one.value ->> '$.value' AS value
    FROM chosen JOIN step_results AS step ON step.execution_id = chosen.id, json_each(step.measurements) AS one
)"""
_SPREAD: Final = """, means AS (
    SELECT step, name, unit, avg(value) AS mean FROM measured WHERE is_number GROUP BY 1, 2, 3
)
SELECT step, name, unit, count(*) AS count, mean, sum((value - mean) * (value - mean)) AS squares,
    min(value) AS lowest, max(value) AS highest
FROM measured JOIN means USING (step, name, unit) WHERE is_number GROUP BY 1, 2, 3"""
_JUDGED: Final = """ SELECT step, name, unit, limits, max(at), count(*) AS count,
    sum(verdict = 'marginal') AS marginal, sum(verdict NOT IN ('pass', 'marginal')) AS failed
FROM measured GROUP BY 1, 2, 3"""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class YieldRows:
    """What a report is made of."""

    units: Row
    verdicts: Sequence[Row]
    pareto: Sequence[Row]
    judged: Sequence[Row]
    spread: Sequence[Row]


def read_yield(database: Path, wanted: ResultFilter) -> YieldRows:
    """Add up the executions that are over. Blocks for as long as it takes; raises StoreError."""
    which, values = condition(wanted)
    chosen = _CHOSEN.format(condition=which)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as reader:
            reader.row_factory = sqlite3.Row

            def rows(query: str) -> list[Row]:
                return [dict(row) for row in reader.execute(chosen + query, values)]

            reader.execute("BEGIN")  # all of it of one moment
            return YieldRows(
                rows(_UNITS)[0], rows(_VERDICTS), rows(_PARETO), rows(_MEASURED + _JUDGED), rows(_MEASURED + _SPREAD)
            )
    except sqlite3.Error as error:
        raise StoreError(f"{database}: the report could not be read: {error}") from error
