"""The virtual hall: what stands around a gateway, simulated on this machine."""
