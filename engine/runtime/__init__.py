"""The interpreter: runs a chart by SCXML's algorithm. No threads, no I/O, no clock: events in, effects out."""
