"""Linear models: least squares with and without penalties, logistic regression, and SGD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..features import feature_matrix as features
from ..recipe import FLOAT32, FLOAT64, Table
from ..refusal import class_name
from ..source import quiet, validated
from .answers import (
    Answers,
    ModelReading,
    boosted_label_problem,
    class_numbers,
    outputs_of,
    plain_answers,
    table_of,
    with_method,
)

__all__ = ["SOURCES", "answers", "features", "probabilities", "problems", "read"]

REGRESSORS = (
    "sklearn.linear_model.ElasticNet",
    "sklearn.linear_model.ElasticNetCV",
    "sklearn.linear_model.Lasso",
    "sklearn.linear_model.LassoCV",
    "sklearn.linear_model.LinearRegression",
    "sklearn.linear_model.Ridge",
    "sklearn.linear_model.RidgeCV",
    "sklearn.linear_model.SGDRegressor",
)
LOGISTIC = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.LogisticRegressionCV",
)
SGD = "sklearn.linear_model.SGDClassifier"
SOURCES = (*REGRESSORS, *LOGISTIC, SGD)


def problems(model: Any) -> Iterator[tuple[str, str]]:
    """What in a fitted model cannot be packed."""
    weights = getattr(model, "coef_", None)
    if weights is None:
        yield "it is not fitted", ""
        return
    if hasattr(weights, "tocsr"):
        yield "its weights are sparse", "dense weights: call densify() first"
        return
    source = class_name(model)
    if source in REGRESSORS and np.ndim(weights) == 2 and len(weights) == 1:
        yield "it was fitted on a column of y, so that it predicts columns", "y in one dimension"
    elif source == SGD and model.loss != "log_loss":
        yield f"its loss is {model.loss!r}, which gives no probabilities of its own", "'log_loss'"
    elif hasattr(model, "classes_") and (problem := boosted_label_problem(model.classes_)):
        yield problem
    elif source in LOGISTIC and _is_multinomial(model) and len(model.classes_) == 2:
        yield "it is multinomial with two classes", "multi_class='auto' or 'ovr'"


def read(model: Any, table: Table, packer: Any, path: str) -> ModelReading:
    """Hand the weights to the packer and describe the model."""
    weights = np.asarray(model.coef_)
    single = weights.dtype == np.float32 and _dtype(table) == FLOAT32
    weights = np.atleast_2d(weights).astype(np.float64)
    intercepts = np.asarray(model.intercept_, dtype=np.float64)
    intercepts = np.ascontiguousarray(np.broadcast_to(np.ravel(intercepts), len(weights)))
    classes = getattr(model, "classes_", None)
    description = {
        **outputs_of(model),
        "kind": "linear",
        "combine": "sum",
        "link": "identity" if classes is None else _link(model),
        "decide": "probabilities" if classes is None else "raw_scores",
        "missing": "refuse",
        "linear": {
            "weights": packer.numbers(np.ascontiguousarray(weights.ravel())),
            "intercepts": packer.numbers(intercepts),
            "features": _dtype(table),
            "sums": FLOAT32 if single else FLOAT64,
        },
    }
    nowhere = np.empty(0, dtype=np.int64)
    return ModelReading(description, nowhere, nowhere.astype(np.float64))


def answers(model: Any, rows: Any) -> Answers:
    """The source's probabilities or predictions, raw scores and labels."""
    if not hasattr(model, "classes_"):
        return plain_answers(model, rows)
    with quiet():
        raw = table_of(model.decision_function(rows))
        classes = class_numbers(model.predict(rows), model.classes_)
        return Answers(table_of(model.predict_proba(rows)), raw, classes)


def probabilities(model: Any, raw: np.ndarray) -> np.ndarray:
    """What the source makes of raw scores, of two classes."""
    rows = np.zeros((len(raw), model.n_features_in_))
    with quiet():
        return with_method(model, decision_function=raw).predict_proba(rows)


def _dtype(table: Table) -> str:
    """The type in which the rows reach the product with the weights."""
    dtype = validated(table.sample, None, accept_sparse="csr").dtype
    return dtype.name if dtype.kind == "f" else FLOAT64


def _link(model: Any) -> Any:
    if len(model.classes_) == 2:
        return {"logistic": {"scale": 1.0, "complement": True}}
    if class_name(model) in LOGISTIC and _is_multinomial(model):
        return {"softmax": {"summation": "pairwise"}}
    return "logistic_over_sum"


def _is_multinomial(model: Any) -> bool:
    """As `predict_proba` of scikit-learn 1.3 to 1.9 decides; later ones have no `multi_class`."""
    multi_class = getattr(model, "multi_class", "deprecated")
    if multi_class in ("auto", "deprecated"):
        return len(model.classes_) > 2 and model.solver != "liblinear"
    return multi_class == "multinomial"
