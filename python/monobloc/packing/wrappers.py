"""What stands around a model: pipelines, searches, frozen estimators, transformed targets,
thresholds."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from . import targets, thresholds
from .models.answers import Answers, class_numbers, table_of
from .recipe import FLOAT32, FLOAT64
from .refusal import class_name, refuse
from .steps import PASSTHROUGH
from .steps import pipeline as pipelines

RESAMPLING_PIPELINE = "imblearn.pipeline.Pipeline"
"""Its samplers act in `fit` alone; predicting passes them over."""
SEARCHES = (
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
INNER = {
    **dict.fromkeys(SEARCHES, "best_estimator_"),
    targets.SOURCE: "regressor_",
    "sklearn.frozen.FrozenEstimator": "estimator",
}
"""The attribute that holds the fitted estimator which predicts."""
WRAPPERS = (RESAMPLING_PIPELINE, *INNER, *thresholds.SOURCES)


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
    name = _inside(model)
    return None if name is None else ([], name, getattr(model, name))


def _inside(model: Any) -> str | None:
    """The name of what predicts inside of a wrapper."""
    if class_name(model) in thresholds.SOURCES:
        return thresholds.fitted_inside(model)
    return INNER.get(class_name(model))


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
    name = _inside(model)
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
    if source == targets.SOURCE:
        return targets.problem(model)
    if source in thresholds.SOURCES:
        return thresholds.problem(model)
    return None


def changes_answers(model: Any) -> bool:
    """Whether a wrapper's answers are not those of what it holds."""
    return class_name(model) in (targets.SOURCE, *thresholds.SOURCES)


def changed(wrapper: Any, reader: Any, model: Any, description: dict[str, Any], path: str) -> None:
    """Write into the description of what predicts inside what a wrapper makes of its answers."""
    if class_name(wrapper) in thresholds.SOURCES:
        description["decide"] = thresholds.decision(wrapper, reader, model, description, path)
        return
    is_single = description["source"].startswith("xgboost.")
    linear = description.get("linear", {"sums": FLOAT32 if is_single else FLOAT64})
    link = targets.link_of(wrapper, linear["sums"])
    if link != "identity":
        if description.get("link", "identity") != "identity":
            refuse(
                wrapper,
                path,
                "it transforms predictions back that are made of raw scores by a function of "
                "their own",
                "its regressor_, packed alone",
            )
        description["link"] = link


def answers_of(wrapper: Any, rows: Any, inside: Answers) -> Answers:
    """A wrapper's own answers on rows, where those of what it holds are `inside`."""
    if class_name(wrapper) in thresholds.SOURCES:
        return replace(inside, classes=class_numbers(wrapper.predict(rows), wrapper.classes_))
    raw = inside.outputs if inside.raw_scores is None else inside.raw_scores
    return Answers(table_of(wrapper.predict(rows)), raw)


def reason(model: Any) -> str:
    """Why an object that is no wrapper of these is no model either."""
    if isinstance(model, type):
        return "this is a class, not a fitted object"
    return "this model is not supported"
