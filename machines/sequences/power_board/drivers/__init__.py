"""Drivers of the power board."""
