"""A CSV file as a frame of texts."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import warnings
from pathlib import Path

import pandas as pd

DELIMITERS = ",;\t|"
SNIFFED_LINES = 100
_DECIMAL_COMMA = r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?"


class DataError(Exception):
    """The file or what was asked of it can't be used. The text is one line."""


def read(path: Path) -> tuple[pd.DataFrame, str]:
    """Every field as text, missing where pandas takes its text for a missing value; and the
    delimiter."""
    if path.is_dir():
        raise DataError(f"{path} is a directory; name a CSV file")
    try:
        found = delimiter(_first_lines(path))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=found,
                dtype=str,
                encoding="utf-8-sig",
                index_col=False,
                skipinitialspace=True,
            )
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no UTF-8 text (byte 0x{error.object[error.start]:02x}); where it was "
            "saved by Excel, this converts it: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty; expected a header and rows") from None
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        cause = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
        raise DataError(f"{path} can't be read as CSV delimited by {found!r}: {cause}") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error}") from None
    frame.columns = frame.columns.str.strip()
    return (frame if found == "," else frame.apply(with_decimal_points)), found


def delimiter(lines: str) -> str:
    """The delimiter that cuts most lines into as many fields as the header, which are several."""

    def regularity(candidate: str) -> tuple[bool, float, int]:
        rows = csv.reader(io.StringIO(lines), delimiter=candidate, skipinitialspace=True)
        widths = [len(row) for row in rows if row]
        if not widths:
            return False, 0.0, 0
        return widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=regularity)


def with_decimal_points(texts: pd.Series) -> pd.Series:
    """1.234,5 as 1234.5, where all of a column's texts are written in this way."""
    known = texts.dropna()
    if not known.str.contains(",").any() or not known.str.fullmatch(_DECIMAL_COMMA).all():
        return texts
    points = texts.str.replace(".", "", regex=False)
    return points.str.replace(",", ".", regex=False)


def _first_lines(path: Path) -> str:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        return "".join(itertools.islice(file, SNIFFED_LINES))
