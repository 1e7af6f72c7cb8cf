"""Isolation forests: scores, and the labels 1 and -1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..features import feature_matrix as features
from ..recipe import Table
from ..refusal import class_name
from ..source import quiet, validated
from .answers import Answers, ModelReading, class_numbers, labels_of, table_of
from .forest import accepts_missing

__all__ = ["SOURCES", "answers", "features", "problems", "read"]

SOURCES = ("sklearn.ensemble.IsolationForest",)
LABELS = np.array([-1, 1])


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    if not hasattr(model, "estimators_"):
        yield "it is not fitted", ""
    elif _denominator(model) == 0:
        yield "its trees were fitted on one row each", "max_samples of at least 2"


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the trees to the packer and describe the model. A leaf's value is what a row that
    ends there adds to its depth."""
    shape = {
        "n_features": int(model.n_features_in_),
        "n_values": 1,
        "n_outputs": 1,
        "features": "float32",
    }
    packer.forest(json.dumps(shape))
    splits, values = [], []
    for tree, subset, path_lengths, averages in _trees(model):
        nodes = tree.tree_.__getstate__()["nodes"]
        inner = nodes["left_child"] >= 0
        feature = np.where(inner, np.asarray(subset)[np.where(inner, nodes["feature"], 0)], 0)
        packer.tree(
            np.ascontiguousarray(nodes["left_child"], dtype=np.int64),
            np.ascontiguousarray(nodes["right_child"], dtype=np.int64),
            feature.astype(np.int64),
            np.where(inner, nodes["threshold"], 0.0).astype(np.float64),
            np.ascontiguousarray(nodes["missing_go_to_left"], dtype=np.uint8),
            np.asarray(path_lengths + averages - 1.0, dtype=np.float64),
            cover=nodes["weighted_n_node_samples"].astype(np.float32),
        )
        splits.append(feature[inner])
        values.append(nodes["threshold"][inner])
    description = {
        "kind": "forest",
        "source": class_name(model),
        "task": "outlier_detection",
        "combine": "sum",
        "link": {"isolation_forest": {"denominator": _denominator(model)}},
        "classes": labels_of(LABELS),
        "decide": {"isolation": _decision(model)},
        "missing": "accept" if accepts_missing(model, table) else "refuse",
    }
    return ModelReading(description, np.concatenate(splits[:16]), np.concatenate(values[:16]))


def answers(model: Any, rows: Any) -> Answers:
    """The source's scores, the depths that they come from, and its labels."""
    with quiet():
        scores = table_of(model.score_samples(rows))
        classes = class_numbers(model.predict(rows), LABELS)
    return Answers(scores, table_of(_depths(model, rows)), classes)


def _depths(model: Any, rows: Any) -> np.ndarray:
    """What `score_samples` makes its scores of, added up as it does."""
    rows = validated(rows, np.float32, accept_sparse="csr")
    depths = np.zeros(rows.shape[0])
    for tree, subset, path_lengths, averages in _trees(model):
        leaves = tree.apply(rows[:, subset], check_input=False)
        depths += path_lengths[leaves] + averages[leaves] - 1.0
    return depths


def _decision(model: Any) -> dict[str, float]:
    """The offset, and the least depth whose score does not fall below it, by NumPy's own
    powers: a score in the last place aside cannot change a label."""
    denominator, offset = _denominator(model), float(model.offset_)

    def is_inlier(depth: float) -> bool:
        score = -(2 ** (-np.divide(np.array([depth]), denominator)))
        return bool((score - offset)[0] >= 0)

    low, high = 0.0, denominator * 1100
    if is_inlier(low):
        return {"least_depth": low, "offset": offset}
    if not is_inlier(high):
        return {"least_depth": high, "offset": offset}
    while np.nextafter(low, high) < high:
        middle = low + (high - low) / 2
        low, high = (low, middle) if is_inlier(middle) else (middle, high)
    return {"least_depth": float(high), "offset": offset}


def _trees(model: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Each tree with its features, and for each node the depth and the average path length
    of the rows that ended there."""
    return zip(
        model.estimators_,
        model.estimators_features_,
        model._decision_path_lengths,
        model._average_path_length_per_tree,
        strict=True,
    )


def _denominator(model: Any) -> float:
    from sklearn.ensemble._iforest import _average_path_length

    return float(len(model.estimators_) * _average_path_length([model._max_samples])[0])
