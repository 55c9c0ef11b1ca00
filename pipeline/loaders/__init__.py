"""Source formats. Each has a row in `registry.FORMATS`, which says what the rest of the program has to know.

A loader module has::

    def load(path: Path, source: <its model>, limits: Limits, pages: range | None = None) -> Iterator[Image]
    def probe(path: Path, source: <its model>, limits: Limits) -> Probe

`load` gives the images of a file in order (pages, frames or slices; `pages` picks some, counted from 0)
and holds one in memory at a time. `probe` reads headers only. Both raise SourceError with the reason for
what they refuse, and check what a header claims against `limits` and the file's size before memory is taken.
"""
