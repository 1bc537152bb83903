"""Sans-IO parsers of scale and reader protocols: bytes in, readings out. Imports nothing of engine."""
