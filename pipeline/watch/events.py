"""What stands in the events of `watch` besides what programs are told."""

from __future__ import annotations

SAID = "said"
"""The key of a message for the terminal, where `message` leaves out paths that may name a patient."""
