"""The time of each way to run a tree ensemble, against the fastest peer's."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from tree_models import TITLES
from tree_processes import OURS, OURS_AVX2, OURS_RUST
from tree_record import Timing

_INK = "#1f2933"
_FAINT = "#7b8794"
_OURS = "#1f6f78"
_LIBRARY = "#d9734e"
_LOOKS = {
    OURS: {"marker": "o", "s": 110, "color": _OURS},
    OURS_RUST: {"marker": "o", "s": 110, "facecolors": "none", "edgecolors": _OURS},
    OURS_AVX2: {"marker": "|", "s": 150, "color": _OURS, "linewidths": 2.2},
    "LightGBM": {"marker": "s", "s": 42, "color": _LIBRARY},
    "LightGBM, C API": {"marker": "s", "s": 42, "facecolors": "none", "edgecolors": _LIBRARY},
    "XGBoost": {"marker": "s", "s": 42, "color": "#b5542f"},
    "scikit-learn": {"marker": "s", "s": 42, "color": "#e8a583"},
    "onnxruntime": {"marker": "D", "s": 38, "color": "#c7a23c"},
    "treelite": {"marker": "^", "s": 48, "color": "#8a6fae"},
    "tl2cgen": {"marker": "v", "s": 48, "color": "#5b7db8"},
    "lleaves": {"marker": "P", "s": 52, "color": "#5f9a56"},
}


def draw(timings: list[Timing], path: Path) -> None:
    """A panel per model, a line per size of batch, a mark per way; on one thread."""
    timings = [timing for timing in timings if timing.threads == 1]
    models = [model for model in TITLES if any(each.model == model for each in timings)]
    batches = sorted({timing.batch for timing in timings})
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": _INK, "font.size": 11})
    figure, panels = plt.subplots(
        1, len(models), figsize=(3.4 * len(models) + 0.9, 5.0), dpi=160, sharey=True, squeeze=False
    )
    figure.subplots_adjust(left=0.085, right=0.985, top=0.69, bottom=0.14, wspace=0.08)
    for model, axes in zip(models, panels[0], strict=True):
        _panel(axes, [timing for timing in timings if timing.model == model], batches)
        axes.set_title(TITLES[model], fontsize=12, color=_INK, pad=8)
    panels[0][0].set_yticks(range(len(batches)), [_rows(batch) for batch in batches], color=_INK)
    panels[0][0].invert_yaxis()
    title = "Tree ensembles on one thread: time against the fastest peer's"
    figure.text(0.02, 0.925, title, fontsize=17, weight="bold")
    said = "Further left is faster. Every way to run a model takes its turns beside the others."
    figure.text(0.02, 0.868, said, color=_FAINT)
    handles, labels = _unique(panels[0])
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.01, 0.855),
        ncols=6,
        frameon=False,
        fontsize=10,
        handletextpad=0.3,
        columnspacing=1.2,
    )
    figure.savefig(path, facecolor="white")
    plt.close(figure)


def _panel(axes: plt.Axes, timings: list[Timing], batches: list[int]) -> None:
    for way, look in reversed(_LOOKS.items()):
        own = [timing for timing in timings if timing.way == way]
        places = [batches.index(timing.batch) for timing in own]
        axes.scatter([each.to_fastest_peer for each in own], places, label=way, zorder=3, **look)
    axes.axvline(1.0, color=_FAINT, linewidth=1.0)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_ylim(-0.5, len(batches) - 0.5)
    axes.tick_params(axis="both", which="both", length=0, colors=_FAINT)
    axes.set_xlabel("× the fastest peer's", color=_FAINT)
    axes.grid(axis="both", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _unique(panels: list[plt.Axes]) -> tuple[list[object], list[str]]:
    """The marks that some panel has, each once."""
    found = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if len(handle.get_offsets()):
                found[label] = handle
    labels = [label for label in _LOOKS if label in found]
    return [found[label] for label in labels], labels


def _rows(batch: int) -> str:
    return "one row" if batch == 1 else f"{batch:,} rows"
