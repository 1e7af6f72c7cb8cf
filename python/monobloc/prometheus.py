"""Metrics of engines in a registry of `prometheus_client`'s.

    from prometheus_client import REGISTRY
    from monobloc.prometheus import Collector

    REGISTRY.register(Collector([engine]))

`generate_latest` then tells what `Engine.metrics` tells, beside the service's own metrics. Any
worker tells of all that count together, so `prometheus_client`'s multiprocess mode is not needed
for these. `prometheus_client` is imported when metrics are collected. See `docs/monitoring.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ._native import Engine, InvalidArgumentError

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Collector"]


class Collector:
    """A collector of the metrics of engines.

    Samples have an engine's name as the label `model`, or in place of it the key under which a
    mapping holds the engine. A registry takes one collector of this kind, since the families are
    the same for all engines.
    """

    def __init__(self, engines: Iterable[Engine] | Mapping[str, Engine]) -> None:
        if isinstance(engines, Mapping):
            self._engines = list(engines.items())
        else:
            self._engines = [(engine.name, engine) for engine in engines]
        names = [name for name, _ in self._engines]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidArgumentError(
                f"several engines have the name {twice[0]!r}, which their samples would share; "
                'expected a name each, or a mapping such as {"live": engine, "next": other}'
            )
        for name, engine in self._engines:
            if engine.snapshot() is None:
                raise InvalidArgumentError(
                    f"monitoring of {name!r} is off; expected an engine that is loaded with it"
                )

    def describe(self) -> Iterator[Metric]:
        """The families, by which a registry notices that it has them already."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """The families with their samples."""
        from prometheus_client import Metric

        families: dict[str, Metric] = {}
        for model, engine in self._engines:
            for name, text, kind, samples in engine._metric_families():
                if name not in families:
                    families[name] = Metric(name, text, kind)
                for suffix, labels, value in samples:
                    families[name].add_sample(name + suffix, {"model": model, **labels}, value)
        return (family for family in families.values() if family.samples)
