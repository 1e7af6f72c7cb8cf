"""Classifiers that decide between two classes by a threshold: where in raw scores or probabilities
it lies.

The threshold's own `predict` is asked, over a classifier that says what it is told to say, so
what it compares, in which type, and which class is the positive one is scikit-learn's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from .refusal import class_name, refuse
from .source import quiet

SOURCES = (
    "sklearn.model_selection.FixedThresholdClassifier",
    "sklearn.model_selection.TunedThresholdClassifierCV",
)


def fitted_inside(model: Any) -> str:
    """The attribute that holds the classifier, which may have been fitted before."""
    return "estimator_" if hasattr(model, "estimator_") else "estimator"


def problem(model: Any) -> tuple[str, str] | None:
    """What keeps a threshold from being read, and what can stand in its place."""
    if class_name(model) == SOURCES[1] and not hasattr(model, "best_threshold_"):
        return "it is not fitted", ""
    classes = getattr(getattr(model, fitted_inside(model)), "classes_", None)
    if isinstance(classes, list):
        return f"it holds a classifier that decides on {len(classes)} targets", "one for each"
    return None


def decision(
    model: Any, reader: Any, classifier: Any, description: dict[str, Any], path: str
) -> dict[str, Any]:
    """The manifest's `decide`, for a classifier that was read as `description`."""
    if description.get("link", "identity") == "identity":
        both = _labels_of(model, lambda values: np.repeat(values[:, None], 2, axis=1))
        place = int(both(np.finfo(np.float64).max))
        below = _greatest_without(lambda value: both(value) == place)
        least = float(np.nextafter(below, np.inf))
        return {"at_least": {"class": place, "probability": least}}
    link = description["link"]
    if not isinstance(link, dict) or not any(part.get("complement") for part in link.values()):
        refuse(classifier, path, "it has a raw score for each of two classes, and no single one")
    label = _labels_of(model, lambda raw: reader.probabilities(classifier, raw))
    return {"above": {"raw_score": _greatest_without(lambda raw: label(raw) == 1)}}


def _labels_of(model: Any, probabilities: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The number of the label that a raw score gets, or a value."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Told(ClassifierMixin, BaseEstimator):
        classes_ = model.classes_

        def fit(self, _rows: Any, _labels: Any) -> Told:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, raw: np.ndarray) -> np.ndarray:
            return probabilities(raw)

        def decision_function(self, raw: np.ndarray) -> np.ndarray:
            return raw

    probe = copy.copy(model)
    probe.estimator_ = Told()

    def label(value: float) -> int:
        with quiet():
            return int(probe.predict(np.array([value]))[0] == model.classes_[1])

    return label


def _greatest_without(holds: Callable[[float], bool]) -> float:
    """The greatest double of which `holds` is false, where it is true of all greater ones."""
    low, high = -_ordinal(np.finfo(np.float64).max), _ordinal(np.finfo(np.float64).max)
    if holds(_double(low)):
        return _double(low)
    if not holds(_double(high)):
        return _double(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(_double(middle)) else (middle, high)
    return _double(low)


def _ordinal(value: float) -> int:
    """The place of a double that is not negative among those, from 0 on."""
    return int(np.float64(value).view(np.int64))


def _double(ordinal: int) -> float:
    value = float(np.int64(abs(ordinal)).view(np.float64))
    return value if ordinal >= 0 else -value
