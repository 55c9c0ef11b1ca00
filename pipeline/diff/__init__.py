"""What differs between two files or folders of any format, as real values: ``dicombake diff``."""
