"""Gradient boosting of exact trees: each leaf times the learning rate, added to a constant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..features import feature_matrix as features
from ..recipe import Table
from ..refusal import class_name
from ..source import quiet
from .answers import (
    Answers,
    ModelReading,
    class_numbers,
    label_problem,
    outputs_of,
    table_of,
    with_method,
)
from .forest import thresholds

__all__ = ["SOURCES", "answers", "features", "probabilities", "problems", "read"]

SOURCES = (
    "sklearn.ensemble.GradientBoostingClassifier",
    "sklearn.ensemble.GradientBoostingRegressor",
)
CLASSIFIER_LOSSES = ("exponential", "log_loss")
REGRESSOR_LOSSES = ("absolute_error", "huber", "quantile", "squared_error")
CONSTANT = {
    "sklearn.dummy.DummyClassifier": ("constant", "most_frequent", "prior", "uniform"),
    "sklearn.dummy.DummyRegressor": ("constant", "mean", "median", "quantile"),
}
"""The estimators and strategies for `init` that answer every row alike."""
GREATEST_BELOW_ZERO = -5e-324


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    if not hasattr(model, "estimators_"):
        yield "it is not fitted", ""
        return
    is_classifier = hasattr(model, "classes_")
    if is_classifier and (problem := label_problem(model.classes_)):
        yield problem
    losses = CLASSIFIER_LOSSES if is_classifier else REGRESSOR_LOSSES
    if model.loss not in losses:
        yield f"its loss is {model.loss!r}", ", ".join(map(repr, losses))
    if not _starts_constant(model):
        yield (
            f"its init is {class_name(model.init_)}, whose answers depend on the row",
            "init=None, init='zero', or a DummyClassifier or DummyRegressor that is not stratified",
        )


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the trees to the packer and describe the model. Each leaf's product with the learning
    rate is rounded before it is added (`predict_stages` of scikit-learn's
    `_gradient_boosting.pyx`), so leaves hold the products."""
    outputs = model.estimators_.shape[1]
    shape = {
        "n_features": int(model.n_features_in_),
        "n_values": 1,
        "n_outputs": outputs,
        "features": "float32",
        "start": _start(model).tolist(),
        "sums": "float64",
    }
    packer.forest(json.dumps(shape))
    for iteration in model.estimators_:
        for output, tree in enumerate(iteration):
            nodes = tree.tree_.__getstate__()["nodes"]
            packer.tree(
                np.ascontiguousarray(nodes["left_child"], dtype=np.int64),
                np.ascontiguousarray(nodes["right_child"], dtype=np.int64),
                np.ascontiguousarray(nodes["feature"], dtype=np.int64),
                np.ascontiguousarray(nodes["threshold"], dtype=np.float64),
                np.ascontiguousarray(nodes["missing_go_to_left"], dtype=np.uint8),
                np.float64(model.learning_rate) * tree.tree_.value[:, 0, 0],
                output=output,
                cover=nodes["weighted_n_node_samples"].astype(np.float32),
            )
    return ModelReading(_description(model), *thresholds(list(model.estimators_.ravel())))


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    with quiet():
        if not hasattr(model, "classes_"):
            predictions = table_of(model.predict(rows))
            return Answers(predictions, predictions)
        raw = table_of(model.decision_function(rows))
        classes = class_numbers(model.predict(rows), model.classes_)
        return Answers(table_of(model.predict_proba(rows)), raw, classes)


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes."""
    with quiet():
        return with_method(model, decision_function=raw).predict_proba(None)


def _starts_constant(model: Any) -> bool:
    init = model.init_
    if isinstance(init, str):
        return init == "zero"
    return init.strategy in CONSTANT[class_name(init)] if class_name(init) in CONSTANT else False


def _start(model: Any) -> np.ndarray:
    """What the sums of any row start from."""
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    with quiet():
        return model._raw_predict_init(row)[0]


def _description(model: Any) -> dict[str, Any]:
    classes = getattr(model, "classes_", None)
    link: Any = "identity"
    if classes is not None and len(classes) == 2:
        scale = 2.0 if model.loss == "exponential" else 1.0
        link = {"logistic": {"scale": scale, "complement": True}}
    elif classes is not None:
        link = {"softmax": {"summation": "pairwise"}} if _divides(model) else "exp_less_log_sum"
    return {
        **outputs_of(model),
        "kind": "forest",
        "combine": "sum",
        "link": link,
        "decide": "probabilities" if classes is None else _decide(model),
        "missing": "refuse",
    }


def _divides(model: Any) -> bool:
    """Whether probabilities of more than two classes are exponentials over their sum, as from
    scikit-learn 1.4 on, whose losses have `predict_proba`."""
    return hasattr(model._loss, "predict_proba")


def _decide(model: Any) -> Any:
    """What `predict` looks at, which depends on the version. Raw scores of zero tell, and ones
    whose probabilities round to the same."""
    outputs = model.estimators_.shape[1]
    if outputs == 1 and _label(model, np.zeros(1)) == model.classes_[1]:
        return {"above": {"raw_score": GREATEST_BELOW_ZERO}}
    row = np.zeros(1 if outputs == 1 else (1, outputs))
    row.flat[-1] = 1e-17
    return "raw_scores" if _label(model, row) == model.classes_[-1] else "probabilities"


def _label(model: Any, raw: np.ndarray) -> Any:
    """What `predict` says of a row with these raw scores."""
    with quiet():
        return with_method(model, decision_function=raw).predict(None)[0]
