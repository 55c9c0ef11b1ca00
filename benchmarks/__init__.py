"""What conversion costs, against the alternatives: ``python -m benchmarks``. No part of what is installed."""
