"""Writes models of the installed LightGBM beside this file, each with rows and their raw scores.

A line of a `.scores` file holds a row, `:`, and LightGBM's raw scores (averaged for random
forests), as the hexadecimal digits of 64-bit floats. The folder was made with LightGBM 3.3.5 and
4.7.0.
"""

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
VERSION = "v3" if lightgbm.__version__ < "4" else "v4"
ZERO = float(np.float32(1e-35))
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, ZERO, -ZERO, 1e-30, -1e300]
CATEGORIES = [np.nan, np.inf, -0.5, -1.0, 1.7, 77.0, 2.0**31, 2.0**32 + 1, 1e19, -(2.0**40)]


def frame(rng, n):
    amount = np.where(rng.random(n) < 0.4, 0.0, rng.normal(size=n) * 100)
    amount[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "amount": amount,
            "colour": pd.Categorical(rng.choice(["blue", "green", "red", "white"], n)),
            "rate": rng.normal(size=n),
            "code": pd.Categorical(rng.choice([2, 3, 5, 7, 11, 13], n)),
            "grade": pd.Categorical(rng.choice([1.5, 2.5], n), ordered=True),
        }
    )


def splits(text):
    found = {}
    for block in text.split("\nTree=")[1:]:
        lines = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
        keys = ("split_feature", "threshold", "decision_type")
        nodes = zip(*(lines[key].split() for key in keys), strict=True)
        for feature, threshold, decision in nodes:
            if not int(decision) & 1:
                found.setdefault(int(feature), []).append(float(threshold))
    return found


def rows_of(text, n_features, categorical, rng, n=60):
    rows = np.empty((n, n_features))
    found = splits(text)
    for feature in range(n_features):
        near = rng.choice(found.get(feature, [0.0]), n)
        near = np.where(
            rng.random(n) < 0.5, near, np.nextafter(near, rng.choice([-np.inf, np.inf], n))
        )
        if feature in categorical:
            near = rng.integers(0, 7, n)
        odd = rng.choice(CATEGORIES if feature in categorical else SPECIAL, n)
        rows[:, feature] = np.where(rng.random(n) < 0.3, odd, near)
    return rows


def digits(numbers):
    return " ".join(f"{bits:016x}" for bits in numbers.view(np.uint64))


def write(name, parameters, n_rounds=3, n_classes=2, constant=False):
    rng = np.random.default_rng(len(name))
    data = frame(rng, 500)
    score = (
        data.amount.fillna(30) / 50
        + data.colour.cat.codes % 2 * 3
        - data.rate
        + data.code.cat.codes % 3
    )
    score += rng.normal(size=len(data)) / 2
    if constant:
        data = data[["amount", "rate"]].fillna(0) * 0.0
    target = score if n_classes == 1 else pd.qcut(score, n_classes, labels=False)
    parameters = {
        "verbose": -1,
        "num_leaves": 6,
        "min_data_per_group": 5,
        "cat_l2": 0,
        "cat_smooth": 1,
        "seed": 1,
        "num_threads": 1,
        **parameters,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(data, target), n_rounds)
    text = booster.model_to_string()
    rows = rows_of(text, data.shape[1], [] if constant else [1, 3], rng)
    scores = booster.predict(rows, raw_score=True).reshape(len(rows), -1)
    if parameters.get("boosting") == "rf":
        scores /= booster.current_iteration()
    pairs = zip(rows, scores, strict=True)
    lines = [f"{digits(row)}:{digits(score)}\n" for row, score in pairs]
    (HERE / f"{VERSION}_{name}.txt").write_text(text)
    (HERE / f"{VERSION}_{name}.scores").write_text("".join(lines))


write("binary", {"objective": "binary", "sigmoid": 1.25})
write(
    "one_hot", {"objective": "regression", "reg_sqrt": True, "max_cat_to_onehot": 300}, n_classes=1
)
write("no_missing", {"objective": "tweedie", "use_missing": False}, n_classes=2)
write("zero_as_missing", {"objective": "poisson", "zero_as_missing": True}, n_classes=2)
write("multiclass", {"objective": "multiclass", "num_class": 3, "boosting": "dart"}, n_classes=3)
write("each_class", {"objective": "multiclassova", "num_class": 3}, n_classes=3)
write(
    "random_forest",
    {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
)
write("constant", {"objective": "regression"}, n_classes=1, constant=True)
