"""Any regressor with the interface of scikit-learn, learnt from question rows (see `models.global_models`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError
from foresell.models.global_models import fitted, regressors
from foresell.models.global_models.fitted_regressor import FittedRegressor
from foresell.models.global_models.model import GlobalModel
from foresell.models.global_models.training_data import BoosterTraining


@dataclass(frozen=True)
class Sklearn(GlobalModel):
    """A regressor with the interface of scikit-learn, with the options of `GlobalModel` and the following.

    `regressor` is the name of a class of scikit-learn (``Ridge`` or ``sklearn.linear_model.Ridge``). In Python it may
    be an object with ``fit``, ``predict``, ``get_params`` and ``set_params``, such as a pipeline; every fit copies it.
    `parameters` are the regressor's own. The target is the ratio of sales to the recent level, and the weight of a row
    is its level. Needs the extra ``sklearn``.
    """

    regressor: Any = "HistGradientBoostingRegressor"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_rows: int = 200_000
    name: str = "sklearn"

    @property
    def label(self) -> str:
        """The name of the regressor, which is the name of the model in tables."""
        return regressors.label(self.regressor)

    def learn(self, training: BoosterTraining, progress: Callable[[int], None]) -> FittedRegressor:
        learnt = FittedRegressor.learn(self._unfitted(), training, self.seed)
        progress(1)
        return learnt

    @staticmethod
    def load(folder: Path) -> fitted.FittedGlobalModel:
        """The model that was saved in `folder`. Raises UnreadableFile where a file is missing, damaged or foreign, or
        holds types that are not trusted."""
        return fitted.load(folder, FittedRegressor.suffix, FittedRegressor.read)

    def _unfitted(self) -> Any:
        return regressors.make_regressor(self.regressor, self.parameters, self.seed)

    def _check(self) -> None:
        super()._check()
        if not isinstance(self.parameters, Mapping):
            raise self._wrong("parameters", "the regressor's parameters by name, such as {alpha: 10}")
        if self.regressor is None or isinstance(self.regressor, int | float | list | dict):
            raise self._wrong("regressor", "the name of a class of scikit-learn, such as Ridge, or an object")
        try:
            self._unfitted()
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.label} cannot be made with {dict(self.parameters)}: {error}") from error
