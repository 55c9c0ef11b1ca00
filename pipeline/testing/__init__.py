"""The tests that recipes carry: made files in, statements about what comes out."""

from .expecting import Mismatch
from .run import Result, run_tests

__all__ = ["Mismatch", "Result", "run_tests"]
