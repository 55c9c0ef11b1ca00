"""Mutated inputs, guided by coverage, for all that reads what others wrote: ``python -m tests.fuzz``."""
