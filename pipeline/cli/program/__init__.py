"""What is around every command: how it starts, ends, and is told of."""
