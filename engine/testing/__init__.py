"""What tests need: in-memory twins of the ports for charts and services, and the kit that every protocol must pass."""
