"""Credit applications with the quirks of real ones, from a seed.

Incomes are missing, and more often for some people than for others. Months in employment hold 999
where somebody meant "unknown". Balances go below zero and have heavy tails. Most regions are rare,
and live data has regions that training never saw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

TARGET = "defaulted"
NUMBERS = [
    "age",
    "income",
    "months_employed",
    "balance",
    "savings",
    "loan_amount",
    "term_months",
    "debt_ratio",
    "open_accounts",
    "late_payments",
    "months_since_late",
    "enquiries",
]
STRINGS = ["region", "purpose", "housing", "employment", "channel"]
COLUMNS = NUMBERS + STRINGS

_PURPOSES = ["car", "debt", "education", "home", "medical", "other", "travel", "wedding"]
_HOUSING = ["mortgage", "owner", "parents", "tenant"]
_EMPLOYMENT = ["contract", "permanent", "retired", "self-employed", "student", "unemployed"]
_CHANNELS = ["branch", "broker", "phone", "web"]
_REGIONS = np.array([f"R{number:03d}" for number in range(160)])
_UNSEEN_REGIONS = np.array([f"N{number:02d}" for number in range(12)])


def applications(rows: int, seed: int, *, live: bool = False) -> pd.DataFrame:
    """`rows` applications with their outcome in the column `defaulted`.

    `live` data has regions that the other has not.
    """
    rng = np.random.default_rng(seed)
    people = _people(rng, rows)
    people |= _loans(rng, people)
    risk = _risk(people)
    defaulted = rng.random(rows) < 1.0 / (1.0 + np.exp(-risk))
    _spoil(rng, people, live)
    frame = pd.DataFrame({name: people[name] for name in COLUMNS})
    frame[TARGET] = np.where(defaulted, "yes", "no")
    return frame


def _people(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    age = np.clip(rng.gamma(7.0, 6.2, rows) + 17.0, 18, 92).astype(np.int64)
    employment = rng.choice(_EMPLOYMENT, rows, p=[0.10, 0.55, 0.13, 0.10, 0.06, 0.06])
    employment = np.where(age > 68, "retired", employment).astype(object)
    works = np.isin(employment, ["contract", "permanent", "self-employed"])
    income = rng.lognormal(7.7, 0.55, rows) * np.where(works, 1.0, 0.45)
    months_employed = np.where(works, rng.gamma(1.6, 42.0, rows), 0.0).astype(np.int64)
    weights = 1.0 / np.arange(1, len(_REGIONS) + 1) ** 1.25
    return {
        "age": age,
        "income": np.round(income, 2),
        "months_employed": np.minimum(months_employed, 600),
        "balance": np.round(rng.standard_t(2.2, rows) * 900.0 + income * 0.4 - 350.0, 2),
        "savings": np.where(
            rng.random(rows) < 0.35, 0.0, np.round(rng.pareto(1.4, rows) * 800.0, 2)
        ),
        "region": rng.choice(_REGIONS, rows, p=weights / weights.sum()).astype(object),
        "housing": rng.choice(_HOUSING, rows, p=[0.31, 0.17, 0.12, 0.40]).astype(object),
        "employment": employment,
    }


def _loans(rng: np.random.Generator, people: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = len(people["age"])
    loan_amount = np.round(rng.lognormal(8.6, 0.8, rows), -2)
    late_payments = rng.poisson(rng.gamma(0.6, 1.1, rows))
    months_since_late = np.where(late_payments > 0, np.floor(rng.exponential(19.0, rows)), np.nan)
    return {
        "loan_amount": loan_amount,
        "term_months": rng.choice([12, 24, 36, 48, 60, 84], rows),
        "debt_ratio": np.round(rng.beta(2.0, 4.5, rows) + loan_amount / 250_000.0, 4),
        "open_accounts": rng.poisson(4.2, rows),
        "late_payments": late_payments,
        "months_since_late": months_since_late,
        "enquiries": rng.negative_binomial(1.3, 0.45, rows),
        "purpose": rng.choice(_PURPOSES, rows).astype(object),
        "channel": rng.choice(_CHANNELS, rows, p=[0.22, 0.18, 0.08, 0.52]).astype(object),
    }


def _risk(people: dict[str, np.ndarray]) -> np.ndarray:
    recent = np.nan_to_num(np.exp(-people["months_since_late"] / 12.0))
    region = np.char.lstrip(people["region"].astype(str), "R").astype(float)
    return (
        -2.1
        + 0.9 * np.log1p(people["late_payments"])
        + 1.1 * recent
        + 2.4 * people["debt_ratio"]
        - 0.55 * (np.log(people["income"]) - 7.5)
        - 0.16 * np.log1p(people["savings"])
        + 0.25 * np.log1p(people["enquiries"])
        + 0.7 * (people["balance"] < -500.0)
        + 0.4 * (people["employment"] == "unemployed")
        - 0.3 * (people["housing"] == "owner")
        + 0.35 * (people["channel"] == "broker")
        + 0.4 * np.sin(region)
        - 0.008 * (people["age"] - 40.0)
    )


def _spoil(rng: np.random.Generator, people: dict[str, np.ndarray], live: bool) -> None:
    """What happens to data between the applicant and the table."""
    rows = len(people["age"])
    silent = rng.random(rows) < np.where(people["employment"] == "self-employed", 0.25, 0.06)
    people["income"] = np.where(silent, np.nan, people["income"])
    people["savings"] = np.where(rng.random(rows) < 0.15, np.nan, people["savings"])
    unknown = rng.random(rows) < 0.04
    people["months_employed"] = np.where(unknown, 999, people["months_employed"])
    people["housing"][rng.random(rows) < 0.05] = None
    people["employment"][rng.random(rows) < 0.02] = None
    if live:
        moved = rng.random(rows) < 0.01
        people["region"][moved] = rng.choice(_UNSEEN_REGIONS, int(moved.sum()))
