"""Made files of every source format: for the demo, for the examples in `recipes`, for tests."""

from .samples import Sample, samples, write_samples

__all__ = ["Sample", "samples", "write_samples"]
