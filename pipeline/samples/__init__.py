"""Make sample files of every source format: for the demo, the examples in `recipes`, and tests."""

from .samples import Sample, samples, write_samples

__all__ = ["Sample", "samples", "write_samples"]
