"""What a process pays for a bloc: little, whatever the bloc's size."""

from __future__ import annotations

import hashlib

import compare
import pytest
from conftest import Credit

PRIVATE_BOUND = 8_000_000
PEAK_BOUND = 30_000_000


@pytest.fixture(scope="module")
def fresh(large_credit: Credit) -> compare.Measured:
    return compare.fresh("monobloc", large_credit.folder, rows_per_request=1, batch=1_000)


def test_a_worker_adds_little_private_memory(fresh: compare.Measured, large_credit: Credit) -> None:
    assert large_credit.bloc.stat().st_size > 2 * PRIVATE_BOUND
    assert max(fresh.private) <= PRIVATE_BOUND


def test_loading_never_holds_a_copy(fresh: compare.Measured) -> None:
    assert fresh.peak <= PEAK_BOUND


def test_four_workers_hold_the_bloc_once(fresh: compare.Measured, large_credit: Credit) -> None:
    size = large_credit.bloc.stat().st_size
    assert fresh.pss <= 1.05 * size + fresh.imports_pss + compare.WORKERS * PRIVATE_BOUND


def test_the_measured_answers_are_those_of_scikit_learn(
    fresh: compare.Measured, large_credit: Credit
) -> None:
    expected = hashlib.sha256(large_credit.expected.tobytes()).hexdigest()
    assert set(fresh.answers) == {expected}


def test_forked_workers_write_little(large_credit: Credit) -> None:
    forked = compare.forked("monobloc-forked", large_credit.folder, batch=1_000)
    expected = hashlib.sha256(large_credit.expected.tobytes()).hexdigest()
    assert set(forked.answers) == {expected}
    assert max(forked.private) <= PRIVATE_BOUND
