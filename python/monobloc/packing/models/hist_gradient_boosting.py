"""Histogram-based gradient boosting, with categories and missing values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..features import feature_matrix
from ..recipe import Column, Recipe, Table
from ..source import quiet
from ..steps import read_step
from .answers import (
    Answers,
    ModelReading,
    boosted_label_problem,
    class_numbers,
    outputs_of,
    table_of,
    with_method,
)

SOURCES = (
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.HistGradientBoostingRegressor",
)
LOSSES = {
    "absolute_error": "identity",
    "gamma": "exp",
    "poisson": "exp",
    "quantile": "identity",
    "squared_error": "identity",
}


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    if not hasattr(model, "_predictors"):
        yield "it is not fitted", ""
    elif hasattr(model, "classes_") and (problem := boosted_label_problem(model.classes_)):
        yield problem
    elif not hasattr(model, "classes_") and model.loss not in LOSSES:
        yield f"its loss is {model.loss!r}", ", ".join(map(repr, LOSSES))


def features(
    model: Any, prefix: Any, table: Table, recipe: Recipe, path: str
) -> tuple[dict[str, Any], list[Column]]:
    """The model's own matrix is float64; where it encodes categories, they come first."""
    preprocessor = getattr(model, "_preprocessor", None)
    if preprocessor is None:
        matrix, columns = feature_matrix(model, prefix, table, recipe, path)
        return {**matrix, "dtype": "float64"}, columns
    categorical = np.asarray(model.is_categorical_, dtype=bool)
    encoder = preprocessor.named_transformers_["encoder"]
    encoded = read_step(encoder, table.select(np.flatnonzero(categorical)), recipe, path)
    numeric = table.select(np.flatnonzero(~categorical))
    columns = list(recipe.floats(encoded, np.dtype(np.float64), path, model))
    if numeric.columns:
        columns += recipe.floats(numeric, np.dtype(np.float64), path, model)
    names = getattr(model, "feature_names_in_", [f"x{i}" for i in range(len(categorical))])
    order = [*np.flatnonzero(categorical), *np.flatnonzero(~categorical)]
    return {
        "slots": [column.slot for column in columns],
        "names": [str(names[i]) for i in order],
        "dtype": "float64",
    }, columns


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the trees to the packer and describe the model."""
    mapper = model._bin_mapper
    known, places = mapper.make_known_categories_bitsets()
    categorical = np.flatnonzero(np.asarray(mapper.is_categorical_, dtype=bool))
    number = {int(feature): i for i, feature in enumerate(categorical)}
    sets = [_members(known[places[feature]]) for feature in categorical]
    columns = [
        {"feature": i, "reading": {"byte_category": number[i]} if i in number else "plain"}
        for i in range(len(places))
    ]
    trees = [
        (tree, output) for iteration in model._predictors for output, tree in enumerate(iteration)
    ]
    firsts = []
    for tree, _ in trees:
        firsts.append(len(sets))
        sets += [_members(bits) for bits in tree.raw_left_cat_bitsets]
    start = np.zeros(model.n_trees_per_iteration_) + np.ravel(model._baseline_prediction)
    shape = {
        "n_features": len(places),
        "columns": columns if number else [],
        "features": "float64",
        "sets": sets,
        "n_values": 1,
        "n_outputs": int(model.n_trees_per_iteration_),
        "start": start.tolist(),
        "sums": "float64",
    }
    packer.forest(json.dumps(shape))
    for (tree, output), first in zip(trees, firsts, strict=True):
        _read_tree(tree.nodes, first, output, packer)
    return ModelReading(_description(model), *_thresholds([tree.nodes for tree, _ in trees]))


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    with quiet():
        raw = table_of(model._raw_predict(rows, n_threads=1))
        if not hasattr(model, "classes_"):
            return Answers(table_of(model.predict(rows)), raw)
        classes = class_numbers(model.predict(rows), model.classes_)
        return Answers(table_of(model.predict_proba(rows)), raw, classes)


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes."""
    with quiet():
        return with_method(model, _raw_predict=raw[:, None]).predict_proba(None)


def _description(model: Any) -> dict[str, Any]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        link: Any = LOSSES[model.loss]
    elif len(classes) == 2:
        link = {"logistic": {"scale": 1.0, "complement": True}}
    else:
        link = {"softmax": {"summation": "in_order"}}
    by_raw = classes is not None and _decides_by_raw(model)
    return {
        **outputs_of(model),
        "kind": "forest",
        "combine": "sum",
        "link": link,
        "decide": "raw_scores" if by_raw else "probabilities",
        "missing": "accept",
        "infinite": "accept",
    }


def _decides_by_raw(model: Any) -> bool:
    """Whether `predict` looks at raw scores, which later versions do. Only a raw score whose
    probability rounds to one half tells."""
    row = np.zeros((1, model.n_trees_per_iteration_))
    row[0, -1] = 1e-17
    with quiet():
        probe = with_method(model, _raw_predict=row)
        return bool(probe.predict(None)[0] == model.classes_[-1])


def _members(bits: Any) -> list[int]:
    words = np.asarray(bits, dtype=np.uint32)
    return [i for i in range(len(words) * 32) if words[i // 32] >> np.uint32(i % 32) & 1]


def _read_tree(nodes: Any, first_set: int, output: int, packer: Any) -> None:
    leaf = nodes["is_leaf"].astype(bool)
    categorical = nodes["is_categorical"].astype(bool) & ~leaf
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    packer.tree(
        left,
        right,
        np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        np.where(leaf | categorical, 0.0, nodes["num_threshold"]).astype(np.float64),
        nodes["missing_go_to_left"].astype(np.uint8),
        nodes["value"].astype(np.float64),
        set=np.where(categorical, nodes["bitset_idx"].astype(np.int64) + first_set, -1),
        output=output,
        cover=nodes["count"].astype(np.float32),
    )


def _thresholds(trees: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    nodes = np.concatenate(trees[:: max(1, len(trees) // 16)][:16])
    numeric = ~nodes["is_leaf"].astype(bool) & ~nodes["is_categorical"].astype(bool)
    return nodes["feature_idx"][numeric].astype(np.int64), nodes["num_threshold"][numeric]
