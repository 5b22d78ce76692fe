import json
from pathlib import Path

import pytest

from edgeft.data import Examples
from edgeft.errors import DataError
from edgeft.proof.evidence import Evidence, read_evidence
from edgeft.tasks import task_named
from tests.train.conftest import rows, write_csv


def test_no_data() -> None:
    assert read_evidence(None) == Evidence()


def test_halves_share_no_row_and_follow_the_seed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "d.csv", rows(90))
    found = read_evidence(path)
    assert isinstance(found.choose, Examples)
    assert isinstance(found.report, Examples)
    assert not set(found.choose.texts) & set(found.report.texts)
    assert sorted(found.choose.lines + found.report.lines) == list(range(2, 92))
    names = found.report.named()
    assert {label: names.count(label) for label in set(names)} == {
        "calm": 15, "glad": 15, "sad": 15,
    }  # fmt: skip
    assert found == read_evidence(path)
    assert found != read_evidence(path, seed=1)
    assert found.scales == found.choose.texts


def test_a_test_file_reports_alone(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "d.csv", rows(30))
    test = write_csv(tmp_path / "t.csv", rows(20, seed=1))
    found = read_evidence(data, test)
    assert isinstance(found.choose, Examples)
    assert isinstance(found.report, Examples)
    assert (len(found.choose), len(found.report)) == (30, 20)


def test_a_text_that_reports_chooses_nothing(tmp_path: Path) -> None:
    twice = write_csv(tmp_path / "d.csv", rows(45) * 2)
    found = read_evidence(twice)
    assert isinstance(found.choose, Examples)
    assert isinstance(found.report, Examples)
    assert not set(found.choose.texts) & set(found.report.texts)
    test = write_csv(tmp_path / "t.csv", rows(20))  # the first 20 of the 45
    found = read_evidence(twice, test)
    assert isinstance(found.choose, Examples)
    assert len(found.choose) == 50
    with pytest.raises(DataError, match=r"0 labelled rows are too few to choose \(texts that"):
        read_evidence(twice, twice)


def test_unlabelled_texts_do_both(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n".join(f"rain {at}" for at in range(600)))
    found = read_evidence(tmp_path / "t.txt")
    assert found.choose is found.report
    assert found.scales is not None
    assert (len(found.scales), found.scales[-1]) == (256, "rain 597")
    (tmp_path / "few.txt").write_text("rain\nsun")
    assert read_evidence(tmp_path / "few.txt").scales is None
    assert read_evidence(None, None, tmp_path / "t.txt").scales == found.scales


def test_too_few_rows_are_told_at_once(tmp_path: Path) -> None:
    twenty = write_csv(tmp_path / "d.csv", rows(20))
    with pytest.raises(DataError, match=r"d\.csv: 20 labelled rows are too few to choose on one"):
        read_evidence(twenty)
    few = write_csv(tmp_path / "t.csv", rows(19, seed=1))
    with pytest.raises(DataError, match=r"t\.csv: 19 labelled rows are too few to report"):
        read_evidence(twenty, few)
    with pytest.raises(DataError, match=r"t\.csv: 19 labelled rows are too few to choose"):
        read_evidence(few, twenty)
    (tmp_path / "one.txt").write_text("rain")
    with pytest.raises(DataError, match=r"one\.txt: 1 text to take scales from"):
        read_evidence(None, None, tmp_path / "one.txt")


def test_a_test_file_beside_unlabelled_texts(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("rain\n" * 50)
    test = write_csv(tmp_path / "t.csv", rows(30))
    with pytest.raises(DataError, match=r"t\.txt has no labels"):
        read_evidence(tmp_path / "t.txt", test)
    found = read_evidence(tmp_path / "t.txt", test, choose_by_labels=False)
    assert isinstance(found.choose, list)
    assert isinstance(found.report, Examples)


def test_scales_are_taken_from_texts_whatever_their_labels_are(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = [f"rain {at};{'x' if at % 2 else ''}" for at in range(3000)]
    path.write_text("\n".join(["text;label", *rows]), encoding="utf-8")
    notes: list[str] = []
    texts = read_evidence(None, None, path, tell=notes.append).scales
    assert notes == [f"{path}: its columns are separated by semicolons, not by commas."]
    assert texts is not None
    assert len(texts) == 256
    assert (texts[0], int(texts[-1].split()[1]) > 2900) == ("rain 0", True)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("t.conll", "rain O\n{at} B-DAY\n\n"),
        ("t.jsonl", '{{"tokens": ["rain", "{at}"], "tags": ["O", "B-DAY"]}}\n'),
    ],
)
def test_a_taggers_scales_are_taken_from_sentences_not_from_lines(
    name: str, row: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text("".join(row.format(at=at) for at in range(20)))
    found = read_evidence(None, None, path, task=task_named("token-classification")).scales
    assert found == [f"rain {at}" for at in range(20)]


def asked(path: Path, contexts: int, count: int = 60) -> Path:
    rows = [{"question": f"{at}?", "context": f"Ada slept {at % contexts}.", "answers": ["Ada"]}
            for at in range(count)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_contexts_that_cannot_be_parted_are_told(tmp_path: Path) -> None:
    task = task_named("question-answering")
    path = asked(tmp_path / "q.jsonl", 1)
    with pytest.raises(DataError, match="all 60 questions are about 1 context, which cannot be p"
                       ) as caught:  # fmt: skip
        read_evidence(path, task=task)
    assert caught.value.hint == "Add contexts, or give --test."
    found = read_evidence(asked(path, 2), task=task)
    assert isinstance(found.choose, Examples)
    assert isinstance(found.report, Examples)
    assert (len(found.choose), len(found.report)) == (30, 30)
    with pytest.raises(DataError, match="39 labelled rows are too few to choose on one half"):
        read_evidence(asked(path, 1, 39), task=task)
