r"""Parsers of scales and card readers: bytes in, readings out, no I/O. They know nothing of the engine.

>>> from parsers import make_parser
>>> parser = make_parser("cas-22")
>>> parser.feed(b"ST,GS,1\xe4,000013.5 kg\r\n")
[WeightReading(value=Decimal('13.5'), unit='kg', is_stable=True, status='ok', mode='gross')]
"""

from parsers.reading import CardReading, Parser, Reading, WeightReading
from parsers.registry import (
    PROTOCOLS,
    Golden,
    LineSettings,
    ProtocolError,
    ProtocolInfo,
    UnknownProtocolError,
    make_parser,
    register_protocol,
)

__all__ = [
    "PROTOCOLS",
    "CardReading",
    "Golden",
    "LineSettings",
    "Parser",
    "ProtocolError",
    "ProtocolInfo",
    "Reading",
    "UnknownProtocolError",
    "WeightReading",
    "make_parser",
    "register_protocol",
]
