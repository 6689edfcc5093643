"""Regressors with the interface of scikit-learn: their construction, checks, and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from foresell.core.errors import UsageError, first_five, suggestions
from foresell.core.extras import importing
from foresell.models.global_models.lightgbm import sleeping_threads

MODULES = (
    *("linear_model", "ensemble", "tree", "neighbors", "neural_network", "svm", "gaussian_process", "kernel_ridge"),
    *("cross_decomposition", "dummy", "compose", "isotonic", "multioutput"),
)
"""The modules of scikit-learn that have regressors; the name of a class is enough without its module."""

SCALED = tuple(
    f"sklearn.{name}"
    for name in (
        *("linear_model", "neighbors", "neural_network", "svm", "gaussian_process", "kernel_ridge"),
        "cross_decomposition",
    )
)
"""The modules of the regressors for which features are scaled, and categories have columns of their own."""

METHODS = ("fit", "predict", "get_params", "set_params")


def imported() -> Any:
    """scikit-learn. Raises NotInstalled where it or skops is not installed."""
    sleeping_threads()
    with importing("sklearn"):
        import sklearn.base
        import skops.io  # noqa: F401
    return sklearn


def is_regressor(value: object) -> bool:
    """Whether `value` is a regressor of scikit-learn, and neither a model nor its name.

    A class counts too, so that missing parentheses lead to an error that names them.
    """
    return not hasattr(value, "prepare") and any(hasattr(value, method) for method in METHODS)


def make_regressor(regressor: Any, parameters: Mapping[str, Any], seed: int) -> Any:
    """A regressor before its fit: of the class of that name, or a copy of an object, with `parameters`.

    Every ``random_state`` that is None, also of estimators within it, becomes `seed`.
    Raises UsageError for anything but a regressor, and for a parameter that it does not have.
    """
    library = imported()
    unfitted = _instance(_class(regressor)) if isinstance(regressor, str) else _copy(library, regressor)
    known = unfitted.get_params(deep=True)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise UsageError(
            f"{label(unfitted)} has no parameter {first_five(unknown)}.{suggestions(unknown[0], known)} "
            f"It has {', '.join(unfitted.get_params(deep=False)) or 'none'}."
        )
    unfitted.set_params(**parameters)
    _check(library, unfitted)
    states = [name for name in unfitted.get_params() if name.rpartition("__")[2] == "random_state"]
    return unfitted.set_params(**{name: seed for name in states if unfitted.get_params()[name] is None})


def label(regressor: Any) -> str:
    """The name of a regressor: that of its class, and for a pipeline that of its last step's.

    >>> label("sklearn.linear_model.Ridge")
    'Ridge'
    """
    if isinstance(regressor, str):
        return regressor.rpartition(".")[2]
    steps = getattr(regressor, "steps", None)
    return label(steps[-1][1]) if steps else type(regressor).__name__


def allows_missing(regressor: Any) -> bool:
    """Whether the regressor accepts NaN: a pipeline does where an imputer is first, or where every step does."""
    from sklearn.utils import get_tags

    if steps := getattr(regressor, "steps", None):
        first = next((step for _, step in steps if step is not None and step != "passthrough"), None)
        return "Imput" in type(first).__name__ or all(allows_missing(step) for _, step in steps)
    try:
        return regressor in (None, "passthrough") or bool(get_tags(regressor).input_tags.allow_nan)
    except (AttributeError, TypeError):  # not of scikit-learn's base class: nothing is known
        return False


def wants_scaling(regressor: Any) -> bool:
    """Whether features are scaled and categories get columns of their own. A pipeline does so itself."""
    if hasattr(regressor, "steps"):
        return False
    return any(type(part).__module__.startswith(SCALED) for part in (regressor, *_parts(regressor)))


def weight_parameter(regressor: Any) -> str | None:
    """The name under which `fit` takes the weights of rows; None where some part of the regressor takes none."""
    from sklearn.utils.validation import has_fit_parameter

    if steps := getattr(regressor, "steps", None):
        name, last = steps[-1]
        parameter = weight_parameter(last)
        return parameter and f"{name}__{parameter}"
    takes = all(has_fit_parameter(part, "sample_weight") for part in (regressor, *_parts(regressor)))
    return "sample_weight" if takes else None


def bins_of(regressor: Any) -> int | None:
    """The number of bins of a feature in histogram-based trees; None where the regressor has no such part."""
    bins = [value for name, value in regressor.get_params().items() if name.rpartition("__")[2] == "max_bins"]
    return min(bins, default=None)


def _parts(regressor: Any) -> Iterator[Any]:
    """The estimators that are parameters of the regressor."""
    for value in regressor.get_params().values():
        if hasattr(value, "fit") and hasattr(value, "get_params"):
            yield value


def _class(name: str) -> type:
    """scikit-learn's regressor of that name, alone or with its module. Raises UsageError where there is none."""
    module, _, short = name.rpartition(".")
    if module and not module.startswith("sklearn."):
        raise UsageError(
            f"The regressor '{name}' is not one of scikit-learn, and the settings take no other. "
            "Hand an object of another class over in Python: foresell.backtest(panel, models=[regressor])"
        )
    for place in [module.removeprefix("sklearn.")] if module else MODULES:
        kind = _classes(place).get(short)
        if kind is not None:
            return _checked_class(name, kind)
    raise UsageError(f"scikit-learn has no regressor '{name}'.{suggestions(short, all_names())}")


def _checked_class(name: str, kind: type) -> type:
    from sklearn.base import RegressorMixin

    if not issubclass(kind, RegressorMixin) or kind is RegressorMixin:
        raise UsageError(f"'{name}' is not a regressor of scikit-learn.{suggestions(kind.__name__, all_names())}")
    return kind


def _classes(module: str) -> dict[str, type]:
    """The classes of a module of scikit-learn by name; none where there is no such module."""
    try:
        library = import_module(f"sklearn.{module}")
    except ModuleNotFoundError:
        return {}
    return {name: kind for name, kind in vars(library).items() if isinstance(kind, type) and not name.startswith("_")}


def all_names() -> list[str]:
    """The names of all regressors of scikit-learn."""
    from sklearn.base import RegressorMixin

    listed = [kind for module in MODULES for kind in _classes(module).values()]
    return sorted({kind.__name__ for kind in listed if issubclass(kind, RegressorMixin)} - {"RegressorMixin"})


def _instance(kind: Any) -> Any:
    from inspect import Parameter, signature

    needed = [name for name, parameter in signature(kind).parameters.items() if parameter.default is Parameter.empty]
    if needed:
        raise UsageError(
            f"{kind.__name__} is made of other estimators ({first_five(needed)}), which the settings cannot describe. "
            f"Hand it over in Python: foresell.backtest(panel, models=[{kind.__name__}(...)])"
        )
    return kind()


def _copy(library: Any, regressor: Any) -> Any:
    """A copy of a user's object, before its fit."""
    if isinstance(regressor, type):
        raise UsageError(f"{regressor.__name__} is a class; hand an object of it over: {regressor.__name__}()")
    missing = [method for method in METHODS if not callable(getattr(regressor, method, None))]
    if missing:
        raise UsageError(
            f"{type(regressor).__name__} is no regressor: it has no {first_five(missing)}. Expected an object with the "
            f"methods {', '.join(METHODS)}, such as those of scikit-learn."
        )
    try:
        return library.base.clone(regressor)
    except (TypeError, RuntimeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{label(regressor)} cannot be copied: {error}. Its class must keep the arguments of its constructor as "
            "they are, which get_params then gives."
        ) from error


def _check(library: Any, regressor: Any) -> None:
    """Raises UsageError for other estimators than regressors, and for those that need several targets."""
    from sklearn.utils import get_tags

    try:
        tags = get_tags(regressor)
    except (AttributeError, TypeError):  # not of scikit-learn's base class: nothing is known
        return
    name = label(regressor)
    if tags.estimator_type not in (None, "regressor"):
        near = suggestions(name.replace("Classifier", "Regressor").replace("SVC", "SVR"), all_names())
        raise UsageError(f"{name} is a {tags.estimator_type}; a forecast needs a regressor.{near}")
    if not tags.target_tags.single_output or not tags.input_tags.two_d_array:
        what = "several targets at once" if tags.input_tags.two_d_array else "from a single feature"
        raise UsageError(f"{name} learns {what} only; a forecast needs one target from many features.")
