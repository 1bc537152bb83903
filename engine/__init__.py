"""ScaleLedger Engine: a declarative statechart engine for the edge, and the systems that run on it."""

__version__ = "0.1.0"
