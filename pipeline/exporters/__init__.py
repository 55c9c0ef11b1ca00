"""Export targets. `EXPORTERS` names each one's function; every target is one file here.

An exporter is ``export(images: Sequence[Image], options: <its model>, context: Context) -> Artifact``: pure,
it writes nothing. It raises ExportError (or GeometryError) for what the target cannot hold truly.
"""
