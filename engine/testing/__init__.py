"""What tests of charts and services need: in-memory twins of the ports."""
