"""Make sample files of every source format: for the demo, the examples in `recipes`, and tests."""

from .samples import Sample, companions, samples, write_samples

__all__ = ["Sample", "companions", "samples", "write_samples"]
