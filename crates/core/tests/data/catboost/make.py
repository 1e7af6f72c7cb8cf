"""Writes models of the installed CatBoost beside this file, each with rows and their raw scores.

A line of a `.scores` file holds a row, `:`, and CatBoost's `RawFormulaVal`, as the hexadecimal
digits of 64-bit floats. The folder was made with CatBoost 1.2.10. What names the build and the
moment is left out of the models.
"""

import re
from pathlib import Path

import catboost
import numpy as np

HERE = Path(__file__).parent
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, 5e-324, 1e300, -1e300, 3.4028236e38]
LEFT_OUT = ("catboost_version_info", "model_guid", "output_options", "train_finish_time", "training")


def rows_of(model, n_features, rng, n=60):
    rows = np.empty((n, n_features))
    borders = model._get_borders()
    for feature in range(n_features):
        near = rng.choice(borders.get(feature) or [0.0], n).astype(np.float32)
        with np.errstate(over="ignore"):
            beside = np.nextafter(near, rng.choice(np.array([-np.inf, np.inf], np.float32), n))
        near = np.where(rng.random(n) < 0.5, near, beside).astype(np.float64)
        near = np.where(rng.random(n) < 0.3, np.nextafter(near, np.inf), near)
        rows[:, feature] = np.where(rng.random(n) < 0.3, rng.choice(SPECIAL, n), near)
    return rows


def digits(numbers):
    return " ".join(f"{bits:016x}" for bits in numbers.view(np.uint64))


def write(name, loss, target, scale_and_bias=None, threshold=None, **options):
    rng = np.random.default_rng(len(name))
    matrix = rng.normal(size=(500, 4)) * [1, 100, 1, 1e-30]
    matrix[:, 2] = np.round(matrix[:, 2])
    score = matrix[:, 0] - np.abs(matrix[:, 1]) / 50 + matrix[:, 2] * 2 + rng.normal(size=500) / 3
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    options = {
        "loss_function": loss,
        "iterations": 4,
        "depth": 3,
        "border_count": 8,
        "learning_rate": 0.4,
        "allow_writing_files": False,
        "verbose": False,
        "thread_count": 1,
        "random_seed": 0,
        **options,
    }
    pool = catboost.Pool(matrix, target(score), feature_names=["amount", "rate", "grade", "tiny"])
    with_threshold = threshold is not None
    model = catboost.CatBoostClassifier(**options) if with_threshold else catboost.CatBoost(options)
    model.fit(pool)
    if scale_and_bias is not None:
        model.set_scale_and_bias(*scale_and_bias)
    if with_threshold:
        model.set_probability_threshold(threshold)
    rows = rows_of(model, 4, rng)
    scores = model.predict(rows, prediction_type="RawFormulaVal").reshape(len(rows), -1)
    pairs = zip(rows, scores, strict=True)
    lines = [f"{digits(row)}:{digits(np.ascontiguousarray(score))}\n" for row, score in pairs]
    path = HERE / f"{name}.json"
    model.save_model(str(path), format="json")
    text = re.sub(r"\n *", "", path.read_text())
    for key in LEFT_OUT:
        member = rf'"{key}":"(?:[^"\\]|\\.)*"'
        text = re.sub(rf",{member}|{member},?", "", text)
    path.write_text(text)
    (HERE / f"{name}.scores").write_text("".join(lines))


def thirds(score):
    return np.digitize(score, np.quantile(score, [0.3, 0.6]))


write("binary", "Logloss", lambda score: score > 0, threshold=0.7)
write("as_true", "RMSE", lambda score: score, nan_mode="Max", boost_from_average=True)
write("scaled", "Quantile:alpha=0.3", lambda score: score, scale_and_bias=(0.7371, 0.3))
write("deep", "Poisson", lambda score: np.abs(np.round(score)), depth=10, iterations=2, border_count=40)
write("multiclass", "MultiClass", lambda score: np.array(["no", "yes", "so"])[thirds(score)])
write("each_class", "MultiClassOneVsAll", thirds, grow_policy="Lossguide")
write("depthwise", "Logloss", lambda score: np.where(score > 0, 7, -3), grow_policy="Depthwise")
write("targets", "MultiRMSE", lambda score: np.column_stack([score, score**2]))
