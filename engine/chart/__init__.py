"""Charts: YAML with positions, checked, modelled, linted and compiled; and their expression language."""
