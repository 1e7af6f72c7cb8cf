"""examples/quickstart.ipynb runs, and gives the outputs that are stored in it.

A cell with the tag `varies` has outputs that another machine or minute may change; of those only
their number and kinds are compared. UPDATE_NOTEBOOK=1 stores what was given.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook as it is after all its cells ran, in a folder of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    fresh = nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)
    for cell in code_cells(fresh):
        cell.outputs, cell.execution_count = [], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / name.lower()))
        client = NotebookClient(
            fresh,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        )
        client.execute()
    if os.environ.get("UPDATE_NOTEBOOK"):
        fresh.metadata["language_info"] = {"name": "python"}
        nbformat.write(fresh, NOTEBOOK)
    return fresh


@pytest.fixture(scope="module")
def stored(ran: Any) -> Any:
    return nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def varies(cell: Any) -> bool:
    return "varies" in cell.metadata.get("tags", [])


def shown(cell: Any) -> list[tuple[str, Any]]:
    """What a reader sees under a cell: streams in one piece, and data by their media type."""
    outputs: list[tuple[str, Any]] = []
    for output in cell.outputs:
        if output.output_type != "stream":
            outputs.append((output.output_type, dict(output.data)))
        elif outputs and outputs[-1][0] == output.name:
            outputs[-1] = (output.name, outputs[-1][1] + output.text)
        else:
            outputs.append((output.name, output.text))
    return outputs


def test_it_is_valid(stored: Any) -> None:
    nbformat.validate(stored)
    assert (stored.nbformat, stored.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in stored.cells]
    assert len(set(ids)) == len(ids)


def test_the_stored_outputs_are_what_it_gives(stored: Any, ran: Any) -> None:
    compared = 0
    for before, after in zip(code_cells(stored), code_cells(ran), strict=True):
        if varies(before):
            assert [kind for kind, _ in shown(before)] == [kind for kind, _ in shown(after)]
        else:
            assert shown(before) == shown(after), f"cell {before.id}; UPDATE_NOTEBOOK=1 stores it"
            compared += 1
    assert compared >= 8


def test_it_is_stored_as_it_runs(stored: Any) -> None:
    counts = [cell.execution_count for cell in code_cells(stored)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(stored):
        assert cell.outputs, f"cell {cell.id} shows nothing"
        assert "stderr" not in [kind for kind, _ in shown(cell)]


def test_no_output_names_the_machine(stored: Any) -> None:
    text = str([shown(cell) for cell in code_cells(stored)])
    for name in {
        os.sep + "tmp" + os.sep,
        str(Path.home()) + os.sep,
        str(ROOT),
        os.uname().nodename,
    }:
        assert name not in text


def test_its_links_lead_somewhere(stored: Any) -> None:
    texts = [cell.source for cell in stored.cells if cell.cell_type == "markdown"]
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(texts))
    assert links
    for link in links:
        assert (NOTEBOOK.parent / link).exists(), link
