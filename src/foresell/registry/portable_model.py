"""A model as files, and what MLflow keeps of it: the files as they are, and beside them how to load and ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foresell.core.errors import StoreError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Column:
    """A column that a model takes or gives; `kind` is ``string``, ``double``, ``long``, ``datetime``, ``boolean`` or
    ``strings``, a list of them."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True)
class Portable:
    """A model as files, and how MLflow is to load and ask it.

    `loader` is the module whose ``_load_pyfunc(folder)`` reads `folder`; `example` are rows as it takes them.
    """

    folder: Path
    loader: str
    inputs: Sequence[Column]
    outputs: Sequence[Column]
    example: pl.DataFrame
    requirements: Sequence[str] = field(default_factory=tuple)


def save(model: Portable, place: Path, run: str, logged: Any) -> None:
    """Writes the model to the folder `place` as MLflow wants it; `logged` is its entry in MLflow, of the run `run`."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import Array, ColSpec, Schema

    def schema(columns: Sequence[Column]) -> Schema:
        kinds = {"strings": Array("string")}
        return Schema([ColSpec(kinds.get(each.kind, each.kind), each.name, each.required) for each in columns])

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


def data_of(place: Path, source: str) -> Path:
    """The model's own files within `place`, what MLflow keeps of it. Raises StoreError, naming `source`, where there
    are none."""
    folders = [each for each in (place / "data").glob("*") if each.is_dir()]
    if len(folders) != 1:
        raise StoreError(
            f"{source} holds no model of foresell: it should have one folder under data/, and has {len(folders)}. "
            "Register the model again with: foresell train --again"
        )
    return folders[0]
