"""The program around the commands: how it starts, ends, and describes them."""
