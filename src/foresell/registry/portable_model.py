"""A model as portable files, and its form in MLflow: the same files, with instructions to load and ask the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import StoreError


@dataclass(frozen=True)
class SchemaColumn:
    """A column of a model's input or output. `kind` is ``string``, ``double``, ``long``, ``datetime``, ``boolean``, or
    ``strings`` for a list of strings."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True)
class PortableModel:
    """A model as files in `folder`, and how MLflow loads and asks it.

    `loader` is the module whose ``_load_pyfunc(folder)`` reads the folder. `example` has rows as the model takes them.
    """

    folder: Path
    loader: str
    inputs: Sequence[SchemaColumn]
    outputs: Sequence[SchemaColumn]
    example: pl.DataFrame
    requirements: Sequence[str] = field(default_factory=tuple)


def save(model: PortableModel, place: Path, run: str, logged: Any) -> None:
    """Writes the model to the folder `place` in MLflow's form. `logged` is its entry there, `run` its run."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Array, ColSpec, Schema

    def schema(columns: Sequence[SchemaColumn]) -> Schema:
        kinds = {"strings": Array("string")}
        return Schema(
            [ColSpec(kinds.get(column.kind, column.kind), column.name, column.required) for column in columns]
        )

    example = pd.DataFrame({name: model.example[name].to_list() for name in model.example.columns})
    for column in model.inputs:
        if column.kind == "datetime" and column.name in example:
            example[column.name] = pd.to_datetime(example[column.name])
    mlflow.pyfunc.save_model(
        str(place),
        loader_module=model.loader,
        data_path=str(model.folder),
        mlflow_model=Model(
            artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run, model_id=logged.model_id
        ),
        signature=ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs)),
        input_example=example,
        pip_requirements=list(model.requirements),
    )


def data_folder(place: Path, source: str) -> Path:
    """The folder with the model's own files, within its form in MLflow at `place`.

    Raises StoreError, which names `source`, where there is none.
    """
    folders = [folder for folder in (place / "data").glob("*") if folder.is_dir()]
    if len(folders) != 1:
        raise StoreError(
            f"{source} holds no model of foresell: it should have one folder under data/, and has {len(folders)}. "
            "Register the model again with: foresell train --again"
        )
    return folders[0]
