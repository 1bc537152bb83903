"""The test station: a master that runs sequences in isolated batch processes."""
