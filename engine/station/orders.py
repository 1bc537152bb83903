"""What a master tells a batch's process when it starts it: one line of JSON on its standard input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.station.wires import Keys

SPARE: Final = "spare"  # an argument: import everything, then wait for orders


@dataclass(frozen=True, slots=True)
class Orders:
    """``identity`` is the process's name on the wire, another for every one that is started: ``batch_1#3``."""

    identity: str
    batch_id: str
    keys: Keys
    package: str
    data: str  # the station's folder: locks and spool are below it
    log: str  # the file for what it writes
    folders: tuple[str, ...] = ()  # where packages are looked for by name
    hardware: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    simulate: bool = False
    faults: tuple[str, ...] = ()
    heartbeat: float = 5.0  # seconds without an answer after which a process is taken for hung
    line: Mapping[str, Any] | None = field(default=None, hash=False)  # of a gateway's line, packed; None: a sequence
    base_dir: str = ""  # where files that the line names are

    @property
    def locks(self) -> Path:
        """Where the locks of hardware and of shared resources are."""
        return locks_folder(Path(self.data))

    @property
    def spool(self) -> Path:
        """Where records go that no master takes any more."""
        return spool_folder(Path(self.data))

    @property
    def by_hand(self) -> Path:
        """Where it is marked that hardware was driven by hand."""
        return by_hand_folder(Path(self.data))

    def to_line(self) -> bytes:
        """The line; it holds a secret key."""
        plain: dict[str, Any] = {**asdict(self), "keys": self.keys.to_json()}
        return json.dumps(plain, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Orders:
        """What ``to_line`` gave. Raises ValueError, KeyError or TypeError for anything else."""
        raw = json.loads(line)
        return cls(
            **{
                **raw,
                "keys": Keys(**raw["keys"]),
                "folders": tuple(raw["folders"]),
                "faults": tuple(raw["faults"]),
            }
        )


def locks_folder(data: Path) -> Path:
    """Where a station keeps its locks."""
    return data / "locks"


def spool_folder(data: Path) -> Path:
    """Where batches leave what their master could not take."""
    return data / "spool"


def by_hand_folder(data: Path) -> Path:
    """Where it is marked of which batches the hardware was driven by hand."""
    return data / "by-hand"
