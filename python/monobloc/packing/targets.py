"""Transformed targets: what makes predictions of what the regressor inside predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .recipe import FLOAT64
from .refusal import class_name
from .source import quiet

SOURCE = "sklearn.compose.TransformedTargetRegressor"
FUNCTIONS = {np.exp: "exp", np.expm1: "exp_m1", np.square: "square", None: "identity"}
"""The inverses that have a link."""
SUPPORTED = (
    "func with inverse_func=numpy.exp, numpy.expm1 or numpy.square; MaxAbsScaler, MinMaxScaler, "
    "RobustScaler, StandardScaler; or its regressor_, packed alone, with the inverse applied to "
    "what it predicts"
)
NONE = -0.0
"""What leaves each number as it is, its sign too, when it is added."""


def problem(model: Any) -> tuple[str, str] | None:
    """What keeps a transformed target from being read, and what can stand in its place."""
    if not hasattr(model, "regressor_"):
        return "it is not fitted", ""
    if _link(model.transformer_) is None:
        return f"it transforms predictions back by {_inverse(model.transformer_)}", SUPPORTED
    if model._training_dim != 1:
        return "it was fitted on a table of y, so that it predicts tables", "y in one dimension"
    return None


def link_of(model: Any, dtype: str) -> Any:
    """The manifest's `link`, for predictions of this type. Some versions round a scaler's
    numbers to it first."""
    link = _link(model.transformer_)
    if dtype == FLOAT64 or isinstance(link, str):
        return link
    ((name, numbers),) = link.items()
    rounded = {name: {key: float(np.float32(value)) for key, value in numbers.items()}}
    predictions = np.linspace(-3, 7, 1000, dtype=np.float32)[:, None]
    with quiet():
        expected = model.transformer_.inverse_transform(predictions.copy())
    return link if np.array_equal(_applied(link, predictions), expected) else rounded


def _applied(link: dict[str, Any], values: np.ndarray) -> np.ndarray:
    match link:
        case {"scaled": {"factor": factor, "offset": offset}}:
            steps = [(np.multiply, factor), (np.add, offset)]
        case {"unscaled": {"offset": offset, "divisor": divisor}}:
            steps = [(np.subtract, offset), (np.divide, divisor)]
    for operation, number in steps:
        values = operation(values, np.float64(number), dtype=np.float64).astype(np.float32)
    return values


def _link(transformer: Any) -> Any:
    name = class_name(transformer).removeprefix("sklearn.preprocessing.")
    match name:
        case "FunctionTransformer":
            return None if transformer.inv_kw_args else _function(transformer.inverse_func)
        case "MaxAbsScaler":
            return _scaled(transformer.scale_, NONE)
        case "MinMaxScaler":
            offset, divisor = _number(transformer.min_), _number(transformer.scale_)
            return {"unscaled": {"offset": offset, "divisor": divisor}}
        case "RobustScaler":
            factor = transformer.scale_ if transformer.with_scaling else 1.0
            return _scaled(factor, transformer.center_ if transformer.with_centering else NONE)
        case "StandardScaler":
            factor = transformer.scale_ if transformer.with_std else 1.0
            return _scaled(factor, transformer.mean_ if transformer.with_mean else NONE)
    return None


def _function(inverse: Any) -> str | None:
    return next((link for function, link in FUNCTIONS.items() if function is inverse), None)


def _scaled(factor: Any, offset: Any) -> dict[str, Any]:
    return {"scaled": {"factor": _number(factor), "offset": _number(offset)}}


def _number(value: Any) -> float:
    return float(np.ravel(value)[0])


def _inverse(transformer: Any) -> str:
    name = class_name(transformer)
    inverse = getattr(transformer, "inverse_func", None)
    return name if inverse is None else f"{getattr(inverse, '__name__', inverse)!s}"
