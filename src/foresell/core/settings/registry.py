"""The sections ``tracking`` and ``promotion``: where versions of the model are kept, and which becomes champion."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Share, Strict, about


class Tracking(Strict, frozen=True):
    """Where runs and models are recorded (MLflow); credentials come from the environment."""

    enabled: Annotated[bool, about("false keeps no runs and no versions of the model")] = True
    uri: Annotated[
        str | None,
        about(
            "sqlite:///FILE or the address of an MLflow server; where not given, results/mlflow.db", "sqlite:///runs.db"
        ),
    ] = None
    artifacts: Annotated[
        str | None, about("a folder or s3://BUCKET/PREFIX; where not given, results/mlflow", "s3://bucket/models")
    ] = None
    name: Annotated[
        str | None,
        about(
            "the name of the registered model; where not given, that of this folder at the first run (always needed "
            "with a server)",
            "shop",
        ),
    ] = None


class Promotion(Strict, frozen=True):
    """What a challenger must show to become champion, over the windows that both were tested on."""

    margin: Annotated[Share, about("the challenger's WRMSSE is lower by this share at least")] = 0.005
    tolerance: Annotated[Share, about("at no level is it higher by more than this share")] = 0.05
    coverage: Annotated[Share, about("the coverage of its ranges is off by no more than this, over all levels")] = 0.05
