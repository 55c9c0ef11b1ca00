"""A script that imports typer, yaml and pydantic and validates one model."""

import pydantic
import typer  # noqa: F401
import yaml


class Model(pydantic.BaseModel):
    """The least that a Pydantic model can be."""

    inputs: str
    source: str


Model.model_validate(yaml.safe_load("{inputs: 'a/*.xim', source: xim}"))
