"""Random forests, extremely randomised trees, and single trees of both kinds."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ..features import feature_matrix as features
from ..recipe import Table
from ..refusal import class_name, refuse
from ..source import quiet
from .answers import ModelReading, label_problem, labels_of
from .answers import plain_answers as answers

__all__ = ["SOURCES", "answers", "features", "problems", "read"]

ENSEMBLES = (
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.RandomForestRegressor",
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.ensemble.ExtraTreesRegressor",
)
TREES = (
    "sklearn.tree.DecisionTreeClassifier",
    "sklearn.tree.DecisionTreeRegressor",
    "sklearn.tree.ExtraTreeClassifier",
    "sklearn.tree.ExtraTreeRegressor",
)
SOURCES = ENSEMBLES + TREES


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted forest cannot be packed."""
    if not hasattr(model, "estimators_" if class_name(model) in ENSEMBLES else "tree_"):
        yield "it is not fitted", ""
        return
    if not hasattr(model, "classes_"):
        return
    if model.n_outputs_ != 1:
        yield f"it decides on {model.n_outputs_} labels for each row", "one classifier per label"
    elif problem := label_problem(model.classes_):
        yield problem


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the trees to the packer and describe the model."""
    ensemble = class_name(model) in ENSEMBLES
    trees = model.estimators_ if ensemble else [model]
    classes = getattr(model, "classes_", None)
    outputs = int(model.n_outputs_) if classes is None else len(classes)
    shape = {
        "n_features": int(model.n_features_in_),
        "n_values": outputs,
        "n_outputs": outputs,
        "features": "float32",
    }
    packer.forest(json.dumps(shape))
    for tree in trees:
        _read_tree(tree, packer, single=not ensemble, path=path)
    description = {
        "kind": "forest",
        "source": class_name(model),
        "task": "regression" if classes is None else "classification",
        "combine": "mean" if ensemble else "single",
        "classes": None if classes is None else labels_of(classes),
        "missing": "accept" if accepts_missing(model, table) else "refuse",
    }
    return ModelReading(description, *thresholds(trees))


def thresholds(trees: Any) -> tuple[np.ndarray, np.ndarray]:
    """The features and thresholds of the splits of up to 16 trees."""
    trees = trees[:: max(1, len(trees) // 16)][:16]
    features = np.concatenate([tree.tree_.feature for tree in trees])
    values = np.concatenate([tree.tree_.threshold for tree in trees])
    return features[features >= 0], values[features >= 0]


def _read_tree(tree: Any, packer: Any, *, single: bool, path: str) -> None:
    nodes = tree.tree_.__getstate__()["nodes"]
    left = np.ascontiguousarray(nodes["left_child"], dtype=np.int64)
    values = _leaf_values(tree)
    if single and hasattr(tree, "classes_") and values.shape[1] > 1:
        leaves = left < 0
        raw = tree.tree_.value[leaves, 0, :]
        if (raw.argmax(axis=1) != values[leaves].argmax(axis=1)).any():
            refuse(tree, path, "normalising a leaf changes its most probable class")
    packer.tree(
        left,
        np.ascontiguousarray(nodes["right_child"], dtype=np.int64),
        np.ascontiguousarray(nodes["feature"], dtype=np.int64),
        np.ascontiguousarray(nodes["threshold"], dtype=np.float64),
        np.ascontiguousarray(nodes["missing_go_to_left"], dtype=np.uint8),
        values,
    )


class _EveryNode:
    """Stands in for a tree's structure and answers with the values of all its nodes."""

    def __init__(self, tree: Any) -> None:
        self._values = tree.value if tree.n_outputs > 1 else tree.value[:, 0, :]

    def predict(self, _rows: Any) -> np.ndarray:
        return np.array(self._values, order="C")


def _leaf_values(tree: Any) -> np.ndarray:
    """What predicting gives at each node, by this scikit-learn's own arithmetic on all of
    them at once: versions differ in whether and when counts become probabilities."""
    probe = copy.copy(tree)
    probe.tree_ = _EveryNode(tree.tree_)
    rows = np.empty((1, tree.n_features_in_), dtype=np.float32)
    answer = probe.predict_proba if hasattr(tree, "classes_") else probe.predict
    with quiet():
        values = answer(rows, check_input=False)
    return np.ascontiguousarray(values.reshape(tree.tree_.node_count, -1), dtype=np.float64)


def accepts_missing(model: Any, table: Table) -> bool:
    """Whether the source answers where a feature is missing."""
    row = np.full((1, model.n_features_in_), np.nan, dtype=np.float32)
    try:
        with quiet():
            model.predict(sparse.csr_matrix(row) if table.is_sparse else row)
    except ValueError:
        return False
    return True
