"""Parsers of four formats as one would write them by hand: the reference of speed, and a second opinion on frames."""
