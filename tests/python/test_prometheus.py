"""The collector for registries of prometheus_client's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from children import fork
from exposition import PARSERS, Scraped, promtool, scrape
from forks import join
from monobloc.prometheus import Collector
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from sklearn.linear_model import LogisticRegression

WRITERS = {"prometheus": generate_latest, "openmetrics": generate_openmetrics}


def pack(folder: Path, name: str) -> Path:
    frame = rows(500, 1)
    model = LogisticRegression().fit(frame, frame["a"] > frame["b"])
    monobloc.pack(model, folder / name, reference=frame, validation=rows(500, 2), name=name)
    return folder / name


def rows(n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).random((n, 2)), columns=["a", "b"])


@pytest.fixture
def engine(tmp_path: Path) -> monobloc.Engine:
    return monobloc.load(pack(tmp_path, "one"))


def collected(registry: CollectorRegistry, form: str = "prometheus") -> Scraped:
    return Scraped(WRITERS[form](registry).decode(), form)


def samples(scraped: Scraped, **labels: str) -> set[tuple[Any, ...]]:
    return {
        (
            family.type,
            family.documentation,
            sample.name,
            frozenset(sample.labels.items()),
            sample.value,
        )
        for family in scraped.families.values()
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }


@pytest.mark.parametrize("form", PARSERS)
def test_a_registry_tells_what_the_engine_tells(engine: monobloc.Engine, form: str) -> None:
    registry = CollectorRegistry()
    registry.register(Collector([engine]))
    engine.run(rows(300, 3))
    assert samples(collected(registry, form)) == samples(scrape(engine, form))
    if form == "prometheus":
        promtool("check", "metrics", text=collected(registry).text)


def test_several_engines_stand_in_the_same_families(
    engine: monobloc.Engine, tmp_path: Path
) -> None:
    other = monobloc.load(pack(tmp_path, "other"))
    registry = CollectorRegistry()
    registry.register(Collector([engine, other]))
    counter = Counter("orders", "Orders of the service.", registry=registry)
    counter.inc()
    engine.run(rows(300, 3))
    other.run(rows(7, 3))
    scraped = collected(registry)
    assert scraped.value("orders_total") == 1
    assert scraped.value("monobloc_rows_total", model="one", status="ok") == 300
    assert scraped.value("monobloc_rows_total", model="other", status="ok") == 7
    for name, one in [("one", engine), ("other", other)]:
        assert samples(scraped, model=name) == samples(scrape(one))


def test_engines_of_one_name_are_told_apart(engine: monobloc.Engine) -> None:
    following = monobloc.load(engine.path)
    with pytest.raises(monobloc.InvalidArgumentError, match="the name 'one'"):
        Collector([engine, following])
    registry = CollectorRegistry()
    registry.register(Collector({"live": engine, "next": following}))
    engine.run(rows(5, 3))
    scraped = collected(registry)
    counts = scraped.by("model", "monobloc_requests_total")
    assert counts == {"live": 1}
    assert scraped.value("monobloc_requests_total", model="next") == 0


def test_any_worker_tells_of_all(engine: monobloc.Engine) -> None:
    registry = CollectorRegistry()
    registry.register(Collector([engine]))
    join(*(fork(lambda: engine.run(rows(100, 3))) for _ in range(2)))

    def child() -> None:
        assert collected(registry).value("monobloc_rows_total", status="ok") == 200

    join(fork(child))


def test_a_second_collector_is_refused(engine: monobloc.Engine) -> None:
    registry = CollectorRegistry()
    registry.register(Collector([engine]))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(Collector([engine]))


def test_an_engine_without_monitoring_is_refused(engine: monobloc.Engine) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="monitoring of 'one' is off"):
        Collector([monobloc.load(engine.path, monitor=False)])


def test_the_module_needs_nothing_until_it_collects(clean_python: Path) -> None:
    code = "import sys, monobloc.prometheus; assert 'prometheus_client' not in sys.modules"
    subprocess.run([clean_python, "-c", code], check=True, timeout=60)
