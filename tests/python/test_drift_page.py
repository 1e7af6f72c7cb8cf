"""The page of a drift report in a real browser, and what notebooks show.

With SCREENSHOTS=folder pictures are left there to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import browser
import monobloc
import numpy as np
import pytest
import watched
from watched import people

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "br", "link", "line", "rect", "path", "circle", "img", "hr"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of rows with a category renamed to markup, another unit, and missing values."""
    engine: Any = monobloc.load(watched.pack(tmp_path_factory.mktemp("page") / "people.bloc"))
    frame = people(3_000, 2)
    frame = frame.assign(age=frame["age"] * 12, country=frame["country"].replace("US", HOSTILE))
    frame.loc[::7, "balance"] = np.nan
    found = engine.drift(frame)
    assert set(found.drifted) >= {"age", "balance", "country"}
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    if browser.PROGRAM is None:
        pytest.skip("no Chromium is installed")
    with browser.page(tmp_path_factory.mktemp("browser")) as shown:
        yield shown


def keep(name: str, picture: bytes) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder, name).write_bytes(picture)


def brightness(page: browser.Page) -> float:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return float(np.mean([int(part) for part in re.findall(r"\d+", colour)[:3]]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_shows_what_moved(
    scheme: str, page: browser.Page, report: Any, tmp_path: Path
) -> None:
    path = tmp_path / "drift.html"
    path.write_text(report.to_html())
    page.show(path.as_uri(), scheme)
    keep(f"page-{scheme}.png", page.screenshot())
    assert page.logged() == []
    assert page.requested() == [path.as_uri()]
    assert (brightness(page) > 128) == (scheme == "light")
    text = page.evaluate("document.body.innerText")
    for words in [*report.drifted, HOSTILE, "another unit?"]:
        assert words in text
    assert page.evaluate("document.scripts.length") == 0
    pictures = page.evaluate("document.querySelectorAll('svg').length")
    moved = [column for column in report.columns if column.drifted]
    assert pictures == len(moved) + len(report.outputs)
    boxes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect())"
        ".map(box => [box.width, box.height])"
    )
    assert all(width > 100 and height > 40 for width, height in boxes)


@pytest.mark.parametrize("width", [420, 1_100])
def test_a_page_is_no_wider_than_its_window(
    width: int, page: browser.Page, report: Any, tmp_path: Path
) -> None:
    path = tmp_path / "drift.html"
    path.write_text(report.to_html())
    page.show(path.as_uri(), "light", width=width)
    keep(f"page-{width}.png", page.screenshot())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_notebook_shows_a_table(page: browser.Page, report: Any, tmp_path: Path) -> None:
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{report._repr_html_()}")
    page.show(path.as_uri(), "light")
    keep("notebook.png", page.screenshot())
    assert page.logged() == []
    assert page.requested() == [path.as_uri()]
    assert page.evaluate("document.querySelectorAll('tr').length") >= len(report.columns) + 1
    text = page.evaluate("document.body.innerText")
    assert HOSTILE in text
    assert "outputs" in text.splitlines()


class Balance(HTMLParser):
    """Tags that are open, and what pages may not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("form", ["to_html", "_repr_html_"])
def test_html_is_whole_and_names_no_other_place(form: str, report: Any) -> None:
    html = getattr(report, form)()
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    names = {name for name, _ in parser.attributes}
    assert not {name for name in names if name.startswith("on") or name == "src"}
    assert {value for name, value in parser.attributes if name == "href"} <= {"data:,"}
    assert "<script" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_an_empty_window_is_shown(tmp_path: Path) -> None:
    engine: Any = monobloc.load(watched.pack(tmp_path / "people.bloc"))
    report = engine.drift()
    assert "nothing is judged" in report.to_html()
    assert "nothing is judged" in report._repr_html_()
    assert report.window["rows"] == 0
