"""Metrics read back by the parsers of those who scrape them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property

import monobloc
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

PARSERS = {
    "prometheus": text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}


@dataclass(frozen=True)
class Scraped:
    """A scrape, parsed."""

    text: str
    format: str = "prometheus"

    @cached_property
    def families(self) -> dict[str, Metric]:
        families = list(PARSERS[self.format](self.text))
        named = {family.name: family for family in families}
        assert len(named) == len(families)
        return named

    def value(self, name: str, **labels: str) -> float:
        """The only sample of this name that has these labels."""
        [value] = self.values(name, **labels)
        return value

    def values(self, name: str, **labels: str) -> list[float]:
        return [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def by(self, label: str, name: str) -> dict[str, float]:
        """The samples of this name that are not 0, by one of their labels."""
        return {
            sample.labels[label]: sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and sample.value
        }


def scrape(engine: monobloc.Engine, form: str = "prometheus") -> Scraped:
    return Scraped(engine.metrics(form), form)


def promtool(*arguments: str, text: str = "") -> None:
    """Runs Prometheus' own checks; skips where they are not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool on PATH; Debian has it in the package prometheus")
    ran = subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
