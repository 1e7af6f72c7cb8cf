"""What every reader of a model hands back: its description, and its answers on rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..refusal import class_name
from ..source import quiet


@dataclass(frozen=True)
class Answers:
    """A source model's answers on rows."""

    outputs: np.ndarray
    """Probabilities, predictions or scores as float64, a row per row."""
    raw_scores: np.ndarray | None = None
    """What its trees add up to, where outputs are something else."""
    classes: np.ndarray | None = None
    """The numbers of its labels, of several targets a row of them."""


@dataclass(frozen=True)
class ModelReading:
    """What was read from a model."""

    description: dict[str, Any]
    """The manifest's `model`."""
    split_features: np.ndarray
    """The features of some splits on numbers."""
    thresholds: np.ndarray
    """The thresholds of these splits."""


def table_of(values: Any) -> np.ndarray:
    """Answers as float64, with a row per row, in C order."""
    values = np.asarray(values, dtype=np.float64)
    return np.ascontiguousarray(values.reshape(len(values), -1))


def class_numbers(labels: Any, classes: Any) -> np.ndarray:
    """The place of each label among the classes."""
    places = {label: number for number, label in enumerate(np.asarray(classes).tolist())}
    return np.array([places[label] for label in np.asarray(labels).tolist()], dtype=np.float64)


def plain_answers(model: Any, rows: Any) -> Answers:
    """The answers of a model whose outputs are its raw scores."""
    with quiet():
        if not hasattr(model, "classes_"):
            return Answers(table_of(model.predict(rows)))
        labels, probabilities = model.predict(rows), model.predict_proba(rows)
        if not isinstance(probabilities, list):
            classes = class_numbers(labels, model.classes_)
            return Answers(table_of(probabilities), classes=classes)
        each = zip(labels.T, model.classes_, strict=True)
        numbers = np.column_stack([class_numbers(labels, classes) for labels, classes in each])
        return Answers(table_of(np.concatenate(probabilities, axis=1)), classes=numbers)


def with_method(model: Any, **answers: Any) -> Any:
    """A shallow copy of the model whose methods of these names give these answers to all rows."""
    probe = type(model).__new__(type(model))
    vars(probe).update(vars(model))
    for name, answer in answers.items():
        setattr(probe, name, lambda _rows, answer=answer, **_options: answer)
    return probe


def label_problem(classes: Any) -> tuple[str, str] | None:
    """Why these labels cannot be kept, and what can stand in their place."""
    labels = np.asarray(classes)
    if labels.dtype.kind not in "biufUO":
        return f"its labels have dtype {labels.dtype}", "strings, numbers and booleans"
    kinds = {type(value) for value in labels.tolist()}
    if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        return "its labels mix several types", "labels of one type"
    return None


def boosted_label_problem(classes: Any) -> tuple[str, str] | None:
    """The same of gradient boosting, which gives two probabilities also of a single class."""
    if len(classes) < 2:
        return "it was fitted on a single class", "two classes or more"
    return label_problem(classes)


def outputs_of(model: Any) -> dict[str, Any]:
    """What the manifest says of the class, and of what it predicts."""
    classes = getattr(model, "classes_", None)
    return {
        "source": class_name(model),
        "task": "regression" if classes is None else "classification",
        "classes": None if classes is None else labels_of(classes),
    }


def labels_of(classes: Any) -> dict[str, Any]:
    """Labels as the manifest keeps them."""
    labels = np.asarray(classes)
    dtype = labels.dtype
    return {"dtype": dtype.str if dtype.kind == "U" else dtype.name, "values": labels.tolist()}
