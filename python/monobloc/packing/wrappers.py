"""What stands around a model: pipelines, searches, frozen estimators, transformed targets."""

from __future__ import annotations

import copy
from typing import Any

from .refusal import class_name
from .steps import PASSTHROUGH
from .steps import pipeline as pipelines

RESAMPLING_PIPELINE = "imblearn.pipeline.Pipeline"
"""Its samplers act in `fit` alone; predicting passes them over."""
TARGET = "sklearn.compose.TransformedTargetRegressor"
SEARCHES = (
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
THRESHOLDS = (
    "sklearn.model_selection.FixedThresholdClassifier",
    "sklearn.model_selection.TunedThresholdClassifierCV",
)
INNER = {
    **dict.fromkeys(SEARCHES, "best_estimator_"),
    TARGET: "regressor_",
    "sklearn.frozen.FrozenEstimator": "estimator",
}
"""The attribute that holds the fitted estimator which predicts."""
WRAPPERS = (RESAMPLING_PIPELINE, *INNER)


def is_pipeline(model: Any) -> bool:
    """Whether this is a pipeline, whose last step predicts."""
    return pipelines.matches(model) or class_name(model) == RESAMPLING_PIPELINE


def steps_of(pipeline: Any) -> list[tuple[str, Any]]:
    """The steps that rows pass when a pipeline predicts."""
    resampling = class_name(pipeline) == RESAMPLING_PIPELINE
    return [
        (name, step)
        for name, step in pipeline.steps
        if not (resampling and hasattr(step, "fit_resample"))
    ]


def opened(model: Any) -> tuple[list[tuple[str, Any]], str, Any] | None:
    """The steps before what predicts in a pipeline or wrapper, its name and itself; None for a
    model of its own."""
    if is_pipeline(model):
        *steps, (name, last) = steps_of(model)
        return steps, name, last
    name = INNER.get(class_name(model))
    return None if name is None else ([], name, getattr(model, name))


def predictor_of(model: Any) -> Any:
    """The model inside of all that stands around it."""
    while (layer := opened(model)) is not None:
        model = layer[2]
    return model


def with_each(model: Any, change: Any) -> Any:
    """A shallow copy of a pipeline or wrapper with `change` of each step; the model itself where
    it is neither."""
    if is_pipeline(model):
        clone = copy.copy(model)
        clone.steps = [(name, change(step)) for name, step in model.steps]
        return clone
    name = INNER.get(class_name(model))
    if name is None:
        return model
    clone = copy.copy(model)
    setattr(clone, name, change(getattr(model, name)))
    return clone


def transformed_by(steps: list[tuple[str, Any]], rows: Any) -> Any:
    """The rows as these steps hand them on."""
    for _, step in steps:
        if step is not None and step != PASSTHROUGH:
            rows = step.transform(rows)
    return rows


def problem(model: Any) -> tuple[str, str] | None:
    """What keeps a pipeline or wrapper itself from being read, and what can stand in its place."""
    if is_pipeline(model):
        return None if steps_of(model) else ("it has no steps", "")
    source = class_name(model)
    if source in SEARCHES and not hasattr(model, "best_estimator_"):
        if hasattr(model, "best_params_"):
            return (
                "it kept no fitted estimator, since refit=False",
                "refit=True, or the estimator itself, fitted with best_params_",
            )
        return "it is not fitted", ""
    if source == TARGET:
        return _target_problem(model)
    return None


def reason(model: Any) -> str:
    """Why an object that is no wrapper of these is no model either."""
    if isinstance(model, type):
        return "this is a class, not a fitted object"
    if class_name(model) in THRESHOLDS:
        return (
            "this model is not supported: pack its estimator_, and compare the probabilities of "
            "predict_proba with the threshold"
        )
    return "this model is not supported"


def _target_problem(model: Any) -> tuple[str, str] | None:
    if not hasattr(model, "regressor_"):
        return "it is not fitted", ""
    transformer = model.transformer_
    is_function = class_name(transformer) == "sklearn.preprocessing.FunctionTransformer"
    if not is_function or transformer.func is not None or transformer.inverse_func is not None:
        return (
            f"it transforms predictions back by {class_name(transformer)}",
            "its regressor_, packed alone: apply the inverse to what it predicts",
        )
    if model._training_dim != 1:
        return "it was fitted on a table of y, so that it predicts tables", "y in one dimension"
    return None
