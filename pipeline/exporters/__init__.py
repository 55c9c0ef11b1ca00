"""Export targets. Each has a row in `registry.TARGETS`, which holds what the rest of the program has to know.

An exporter is ``export(images: Sequence[Image], options: <its model>, context: Context) -> Artifact``: pure,
it writes nothing. It raises ExportError (or GeometryError) for what the target cannot hold truly.
"""
