"""Codestreams of compressed pixels, in whatever file: check their headers, then decode them.

`jpeg` and `jpeg2000` read headers and check that a stream is complete; `jpeg_pixels` decodes JPEG; `cage`
runs decoders that damaged data can crash, in a process of their own.
"""
