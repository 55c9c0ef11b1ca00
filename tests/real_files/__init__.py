"""Every file of some folders converted, and compared with what other programs read.

The figures of docs/evidence.md are its last whole run. It is no test: most of the files may not be committed.
"""
