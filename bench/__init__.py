"""Measurements against what people usually do, runnable by anyone."""
