"""Tests beside real servers and browsers, each started by the test: ``nox -s services``."""
