"""Targets that hold a volume in one file, values and type exactly, with the format's own axes."""
