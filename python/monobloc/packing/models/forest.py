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
    targets = _targets(model)
    dtypes = sorted({str(classes.dtype) for classes in targets})
    found = [problem for classes in targets if (problem := label_problem(classes))]
    yield from dict.fromkeys(found)
    if not found and len(dtypes) > 1:
        # Its predict brings all labels to the type of the first target's.
        yield f"the labels of its targets have dtypes {', '.join(dtypes)}", "labels of one dtype"


def _targets(model: Any) -> list[np.ndarray]:
    """The labels of each target that a classifier decides on."""
    return [model.classes_] if model.n_outputs_ == 1 else list(model.classes_)


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the trees to the packer and describe the model."""
    ensemble = class_name(model) in ENSEMBLES
    trees = model.estimators_ if ensemble else [model]
    targets = _targets(model) if hasattr(model, "classes_") else []
    outputs = sum(map(len, targets)) if targets else int(model.n_outputs_)
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
        "task": "classification" if targets else "regression",
        "combine": "mean" if ensemble else "single",
        "classes": _classes(targets),
        "missing": "accept" if accepts_missing(model, table) else "refuse",
    }
    return ModelReading(description, *thresholds(trees))


def _classes(targets: list[np.ndarray]) -> Any:
    """The labels as the manifest has them: those of one target, a list of them, or None."""
    labels = [labels_of(classes) for classes in targets]
    return labels if len(labels) > 1 else next(iter(labels), None)


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
    if single and hasattr(tree, "classes_") and _normalising_changes_labels(tree, values, left < 0):
        refuse(tree, path, "normalising a leaf changes its most probable class")
    packer.tree(
        left,
        np.ascontiguousarray(nodes["right_child"], dtype=np.int64),
        np.ascontiguousarray(nodes["feature"], dtype=np.int64),
        np.ascontiguousarray(nodes["threshold"], dtype=np.float64),
        np.ascontiguousarray(nodes["missing_go_to_left"], dtype=np.uint8),
        values,
    )


def _normalising_changes_labels(tree: Any, values: np.ndarray, leaves: np.ndarray) -> bool:
    """Whether a leaf's greatest count, by which a tree decides, is not its greatest probability."""
    end = 0
    for target, classes in enumerate(_targets(tree)):
        start, end = end, end + len(classes)
        counts = tree.tree_.value[leaves, target, :]
        if (counts.argmax(axis=1) != values[leaves, start:end].argmax(axis=1)).any():
            return True
    return False


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
    if isinstance(values, list):
        values = np.concatenate(values, axis=1)
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
