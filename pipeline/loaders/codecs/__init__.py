"""Compressed pixels, whatever file they lie in: what a codestream says before it is decoded, and decoding it.

`jpeg` and `jpeg2000` read headers and see whether a stream is whole; `jpeg_pixels` decodes JPEG; `cage` runs
decoders that broken data can crash, in a process of their own.
"""
