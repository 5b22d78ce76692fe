"""Names for labels that data hold as ids."""

from pathlib import Path

import pytest

from edgeft.data.label_names import label_names, named_by_ids
from edgeft.errors import DataError
from edgeft.tasks import task_named
from edgeft.tasks.reading import aligned, read_examples

CLASSES, MANY = task_named("text-classification"), task_named("multi-label-classification")


def csv(folder: Path, *rows: str, name: str = "d.csv") -> Path:
    (folder / name).write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return folder / name


def test_names_are_lines_or_stand_between_commas(tmp_path: Path) -> None:
    lines = tmp_path / "names.txt"
    lines.write_text("\ufeff好\n bad \n🐕\n\n", encoding="utf-8")
    assert label_names(str(lines)) == ("好", "bad", "🐕")
    assert label_names("no, yes,a b") == ("no", "yes", "a b")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("names.txt", "is no file, and no names with commas"),
        ("no,yes,no", "the name of the id 2 is 'no', as that of 0 is"),
        ("no,,yes", "the name of the id 1 is empty"),
    ],
)
def test_names_that_are_none(given: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        label_names(given)


def test_a_file_of_one_name_or_of_no_text(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("yes\n")
    with pytest.raises(DataError, match="has 1 names, and two labels"):
        label_names(str(tmp_path / "one"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match="cannot be read as UTF-8"):
        label_names(str(tmp_path / "bytes"))


def test_ids_get_their_names_in_order(tmp_path: Path) -> None:
    given = read_examples(csv(tmp_path, "a,10", "b,0", *(f"c{at},{at}" for at in range(1, 10))),
                          CLASSES)  # fmt: skip
    names = tuple(f"n{at}" for at in range(11))
    found = named_by_ids(given, names, whole=True)
    assert found.labels == names
    assert found.named()[:2] == ["n10", "n0"]
    (tmp_path / "m.jsonl").write_text(
        '{"text": "a", "labels": [2, 0]}\n{"text": "b", "labels": []}\n'
        '{"text": "c", "labels": [1]}\n'
    )
    many = named_by_ids(read_examples(tmp_path / "m.jsonl", MANY), ("x", "y", "z"), whole=True)
    assert many.named() == [("x", "z"), (), ("y",)]


def test_ids_that_do_not_fit_the_names(tmp_path: Path) -> None:
    given = read_examples(csv(tmp_path, "a,0", "b,1", "c,3"), CLASSES)
    with pytest.raises(DataError, match="ids 0 to 2, and its labels are 3 ids from 0 to 3: 3 has"):
        named_by_ids(given, ("x", "y", "z"), whole=False)
    with pytest.raises(DataError, match="no row has 2, 4") as caught:
        named_by_ids(given, ("v", "w", "x", "y", "z"), whole=True)
    assert "The first name is that of the id 0." in caught.value.hint
    assert named_by_ids(given, ("v", "w", "x", "y"), whole=False).named() == ["v", "w", "y"]
    with pytest.raises(DataError, match="'yes' is no id"):
        named_by_ids(read_examples(csv(tmp_path, "a,0", "b,yes"), CLASSES), ("x", "y"), whole=True)
    from_one = read_examples(csv(tmp_path, "a,1", "b,2"), CLASSES)
    with pytest.raises(DataError, match="2 has no name") as caught:
        named_by_ids(from_one, ("x", "y"), whole=True)
    assert "Do your ids begin with 1?" in caught.value.hint


def test_a_model_with_names_reads_the_ids_of_its_data(tmp_path: Path) -> None:
    given = read_examples(csv(tmp_path, "a,0", "b,2"), CLASSES)
    assert aligned(given, ("no", "maybe", "yes")).named() == ["no", "yes"]
    assert aligned(given, ("2", "0")).truths == [1, 0]  # names, which here are numbers
    for labels, rows in ((("no", "yes"), ("a,0", "b,2")), (("no", "maybe", "yes"), ("a,1", "b,2"))):
        some = read_examples(csv(tmp_path, *rows), CLASSES)
        with pytest.raises(DataError, match="the model has no label"):
            aligned(some, labels)
