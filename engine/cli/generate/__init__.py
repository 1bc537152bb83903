"""What is made of the registry: the schema that editors complete charts by, and the catalogue that people read."""
