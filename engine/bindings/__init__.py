"""What a chart may name: the registry of guards, actions, services and functions, and the shipped ones."""
