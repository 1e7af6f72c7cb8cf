"""The demo on a table of the user's own: what columns are taken for, and that the answers hold."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import columns
import monobloc
import numpy as np
import own_data
import pandas as pd
import pytest
import stages
import table_file
from compare import fresh
from conftest import ROOT

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL = {
    "german_credit.csv": ("credit", 0.7, []),
    "card_default.csv.gz": ("DID_DEFAULT_PAYMENT", 0.7, ["USER_ID"]),
    "adult_income.csv.gz": ("income-per-year", 0.85, []),
}
ROWS = 400


def table() -> pd.DataFrame:
    """One column of each sort, and targets of each sort."""
    rng = np.random.default_rng(3)
    amount = rng.lognormal(5.0, 1.0, ROWS).round(2)
    i = np.arange(ROWS)
    frame = pd.DataFrame(
        {
            "customer": rng.permutation(ROWS) + 7_000,
            "token": [f"{x:08x}" for x in rng.permutation(2**20)[:ROWS]],
            "amount": amount,
            "colour": rng.choice(["red", "gräün", "blue"], ROWS),
            "postcode": [f"0{x % 7}123" for x in i],
            "member": rng.choice([True, False], ROWS),
            "score": np.where(i % 20 == 0, "unknown", i % 13),
            "share": np.where(i == 3, "inf", i * 0.5),
            "opened": [f"2024-{x % 12 + 1:02d}-{x % 28 + 1:02d}" for x in i],
            "remark": [f"a remark about row {x}" for x in i],
            "same": "x",
            "nothing": None,
        }
    )
    frame.loc[::3, "colour"] = None
    frame["risk"] = np.where(amount > 300, "high", np.where(amount > 100, "some", "low"))
    frame["price"] = (2 * amount + rng.normal(0, 10, ROWS)).round(2)
    return frame


KINDS = {
    "customer": ("left out", "identifier-like"),
    "token": ("left out", "identifier-like"),
    "amount": ("number", ""),
    "colour": ("category", "33.5% missing"),
    "postcode": ("category", "7 values"),
    "member": ("category", "2 values"),
    "score": ("number", "no number 20 times ('unknown')"),
    "share": ("number", "no number 1 times ('inf')"),
    "opened": ("left out", "dates"),
    "remark": ("left out", "free text"),
    "same": ("left out", "constant: 'x'"),
    "nothing": ("left out", "no value"),
}


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    table().to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_a_column(name: str, csv_file: Path) -> None:
    frame, _ = table_file.read(csv_file)
    kind, about = KINDS[name]
    found = columns.describe(name, frame[name])
    assert found.kind == kind
    assert about in found.about


@pytest.mark.parametrize(
    ("texts", "task", "about"),
    [
        (["no", "yes"], "classification", "2 classes"),
        (["0", "1"], "classification", "2 classes"),
        (["0.5", "1.5"], "classification", "2 classes"),
        (["1", "2", "3"], "classification", "3 classes"),
        ([str(n) for n in range(30)], "regression", "30 values, 0 to 29"),
        (["0.5", "1.5", "2.5"], "regression", "3 values, 0.5 to 2.5"),
        ([*map(str, range(30)), "?"], "regression", "no number 10 times"),
    ],
)
def test_what_a_target_is_predicted_as(texts: list[str], task: str, about: str) -> None:
    found = columns.target("y", pd.Series(texts * 10, dtype=str))
    assert found.task == task
    assert about in found.about


def test_an_identifier_by_its_name_may_have_gaps() -> None:
    far_apart = pd.Series([str(n * n * 1_000) for n in range(100)], dtype=str)
    assert columns.describe("customer_id", far_apart).kind == "left out"
    assert columns.describe("paid", far_apart).kind == "number"


def test_numbers_are_rounded_correctly() -> None:
    rng = np.random.default_rng(5)
    values = rng.random(2_000) * 10.0 ** rng.integers(-8, 8, 2_000)
    read = columns.numbers(pd.Series([repr(float(value)) for value in values], dtype=str))
    assert read.to_numpy().tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("separator", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ".")]
)
def test_the_delimiter_is_found(separator: str, decimal: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    written = table().drop(columns=["member"])
    written.to_csv(path, sep=separator, decimal=decimal, index=False)
    frame, found = table_file.read(path)
    assert found == separator
    assert list(frame) == list(written)
    assert (columns.numbers(frame["amount"]) == written["amount"]).all()


def test_a_comma_in_text_is_no_decimal_comma() -> None:
    texts = pd.Series(["1,5", "Main Street 3, left"], dtype=str)
    assert table_file.with_decimal_points(texts).tolist() == texts.tolist()
    numbers = pd.Series(["1.234,5", "-7", None], dtype=str)
    assert table_file.with_decimal_points(numbers).tolist()[:2] == ["1234.5", "-7"]


@pytest.mark.parametrize("target", ["risk", "price"])
def test_four_ways_to_the_same_bytes(target: str, csv_file: Path, tmp_path: Path) -> None:
    dropped = ["risk", "price"]
    dropped.remove(target)
    prepared = own_data.prepare(csv_file, target, dropped, None)
    assert prepared.numbers == ["amount", "score", "share"]
    assert prepared.categories == ["colour", "postcode", "member"]
    expected = own_data.train_and_pack(prepared, tmp_path)
    served = fresh("monobloc", tmp_path, workers=2, batch=100)
    assert set(served.answers) == {expected}
    answered = tmp_path / "answers.csv"
    rows = tmp_path / "held-out.csv"
    command = ["predict", tmp_path / "model.bloc", rows, "--id", target, "--out", answered]
    subprocess.run([sys.executable, "-m", "monobloc", *map(str, command)], check=True)
    answers = pd.read_csv(answered)
    label = "label" if target == "risk" else "prediction"
    engine = monobloc.load(tmp_path / "model.bloc")
    assert answers[label].tolist() == engine.predict(prepared.held_out).tolist()
    assert answers[target].tolist() == prepared.held_out_targets.tolist()
    if target == "risk":
        assert (answers["label"] == answers["risk"]).mean() > 0.8
    else:
        assert np.corrcoef(answers["prediction"], answers["price"])[0, 1] > 0.8


def test_the_whole_demo(
    csv_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stages, "WAYS", ("joblib", "monobloc", "monobloc-forked"))
    out = tmp_path / "an out"
    command = ["own_data.py", str(csv_file), "--target=risk", "--drop=price, customer"]
    monkeypatch.setattr(sys, "argv", [*command, f"--out={out}"])
    assert own_data.main() == 0
    said = capsys.readouterr().out
    assert "customer  left out  as you asked" in said
    assert said.count("yes\n") >= 3
    assert "NO\n" not in said
    assert "Verdict: repaired" in said
    for finding in ("amount: wrong_type", "share: out_of_range", "colour: unknown_category"):
        assert finding in said
    next_commands = said[said.index("\nNext\n") :].splitlines()
    runs = [shlex.split(line)[1:] for line in next_commands if "monobloc " in line]
    assert [words[0] for words in runs] == ["inspect", "predict"]
    for words in runs:
        subprocess.run([sys.executable, "-m", "monobloc", *words], check=True)
    assert len(pd.read_csv(out / "answers.csv")) == ROWS // 5


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said where the demo refuses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["own_data.py", *arguments])
        assert own_data.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


BROKEN = {
    "empty": (b"", "is empty"),
    "header": (b"a,b\n", "has no value in any row"),
    "one row": (b"a,b\n1,2\n", "no two classes"),
    "few rows": (b"a,b\n" + b"1,2\n1,3\n" * 10, "has 20 rows with a target; at least 50"),
    "one class": (b"a,b\n" + b"1,2\n" * 90, "no two classes of 5 rows or more, but '2' in 90"),
    "one number": (b"a,b\n" + b"1,2.5\n" * 90, "no two classes"),
    "no target": (b"a,b\n" + b"1,\n" * 90, "'b' has no value in any row"),
    "texts": (b"a,b\n" + b"".join(b"1,t%d\n" % n for n in range(200)), "200 different values"),
    "nothing to learn": (b"a,b\n" + b"1,2\n1,3\n" * 90, "no column is left"),
    "one column": (b"b\n" + b"2\n3\n" * 90, "no column is left"),
    "ragged": (b"a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
    "encoding": (b"a,b\n\xe9,1\n", "byte 0xe9"),
    "no gzip": (None, "Not a gzipped file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = BROKEN[name]
    path = tmp_path / ("broken.csv" if content is not None else "broken.csv.gz")
    path.write_bytes(content if content is not None else b"a,b\n1,2\n")
    said = refused(capsys, str(path), "--target=b", f"--out={tmp_path / 'out'}")
    assert message in said
    assert not (tmp_path / "out").exists()


def test_wrong_names_are_one_line(csv_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such file" in refused(capsys, "nowhere.csv", "--target=b")
    assert "is a directory" in refused(capsys, str(csv_file.parent), "--target=b")
    assert "did you mean 'price'?" in refused(capsys, str(csv_file), "--target=pricee")
    assert "no column is called ''" in refused(capsys, str(csv_file), "--target=")
    said = refused(capsys, str(csv_file), "--target=price", "--drop=zzz")
    assert "no column is called 'zzz'" in said
    said = refused(capsys, str(csv_file), "--target=price", "--drop=price")
    assert "can't be the target and left out" in said
    said = refused(capsys, str(csv_file), "--target=colour", "--task=regression")
    assert "regression expects numbers" in said


def test_make_hands_over_names_as_they_are() -> None:
    asked = [
        "make",
        "--dry-run",
        "--no-print-directory",
        "--assume-old=target/stamps/wheel",
        "demo",
    ]
    column = 'it\'s, "so"'
    done = subprocess.run(
        [*asked, "DATA=my table.csv", f"TARGET={column}", "DROP=a,b c", "TASK=regression"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    line = done.stdout[done.stdout.index("examples/own_data") :]
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[1:] == [
        "my table.csv",
        f"--target={column}",
        "--drop=a,b c",
        "--task=regression",
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")
@pytest.mark.parametrize("file", REAL)
def test_real_data(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, least, left_out = REAL[file]
    prepared = own_data.prepare(DATA / file, target, [], None)
    frame, _ = table_file.read(DATA / file)
    assert set(frame) - set(prepared.inputs) == {target, *left_out}
    expected = own_data.train_and_pack(prepared, tmp_path)
    engine = monobloc.load(tmp_path / "model.bloc")
    live = prepared.held_out[: own_data.LIVE_ROWS]
    assert stages.digest(engine.predict_proba(stages.records(live))) == expected
    auc = float(capsys.readouterr().out.split("AUC ")[1].split(";")[0])
    assert auc > least
