"""How much a document may hold. Generous for people, small for a machine: nothing here can hang or exhaust us.

The largest charts in sight have 200 states, 130 kB and 10,000 nodes; nobody follows more than a dozen levels.
"""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 100_000  # after aliases are expanded
MAX_DEPTH: Final = 64  # collections inside one another; well below what recursion over a document can take
