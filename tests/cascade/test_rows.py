import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeft.bundle import read_manifest, write_manifest
from edgeft.cascade.rows import Gathered, gather_rows
from edgeft.cascade.stages import asked
from edgeft.cascade.wording import assumed_told
from edgeft.data import Splits, fingerprint
from edgeft.data.seen import SEEN_FILE, seen_document
from edgeft.errors import DataError
from edgeft.export.provenance import fingerprint_of
from edgeft.export.run import ExportConfig, export
from edgeft.proof.bounds import binomial_p
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples
from tests import tiny

FREQUENT = "call me when you are home"  # of every five rows one


def write(path: Path, count: int, *, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for at in range(count):
            text = FREQUENT if at % 5 == 0 else " ".join(rng.choice(tiny.WORDS, 6))
            writer.writerow([text, tiny.LABELS[at % 3]])
    return path


def gather(
    folder: Path, data: Path, test: Path | None = None, *more: Path, seed: int = 0
) -> Gathered:
    stages = asked([str(folder / "cheap"), str(folder / "full")])
    return gather_rows(stages, data, test, more, columns={}, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    tiny.bert(folder / "cheap")
    tiny.bert(folder / "full", seed=1)
    return folder


def test_a_frequent_text_is_as_frequent_among_the_rows_that_choose(
    folder: Path, tmp_path: Path
) -> None:
    data, test = write(tmp_path / "data.csv", 400), write(tmp_path / "test.csv", 200, seed=1)
    # A promise of texts as they come is false if those that come most are left out of its proof.
    for gathered in (gather(folder, data, seed=3), gather(folder, data, test),
                     gather(folder, data, test, data)):  # fmt: skip
        asked_of = [gathered.inputs[at] for at in gathered.choosing]
        share = asked_of.count(FREQUENT) / len(asked_of)
        assert binomial_p(asked_of.count(FREQUENT), len(asked_of), 0.2) > 1e-3
        assert 0.1 < share < 0.3


def test_a_file_that_is_named_twice_counts_once(folder: Path, tmp_path: Path) -> None:
    data, texts = write(tmp_path / "data.csv", 100), tmp_path / "more.txt"
    texts.write_text("the cat fell\nrain rose\n", encoding="utf-8")
    once, twice = gather(folder, data, None, texts), gather(folder, data, None, texts, texts)
    assert len(once.choosing) == len(twice.choosing)


def test_rows_that_choose_do_not_report_as_well(folder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", 100)
    with pytest.raises(DataError, match="all stand among those that set the threshold"):
        gather(folder, data, data)


def bundled(checkpoint: Path, to: Path, **more: Any) -> Path:
    export(ExportConfig(str(checkpoint), to, variants=("fp32",), **more))
    return to


def test_a_bundle_does_not_tell_its_rows_and_that_is_said_once(
    folder: Path, tmp_path: Path
) -> None:
    data, notes = write(tmp_path / "data.csv", 100), list[str]()
    trained = shutil.copytree(folder / "cheap", tmp_path / "trained")
    (trained / SEEN_FILE).write_text(json.dumps(seen_document(["something else"])))
    full = bundled(folder / "full", tmp_path / "bundle")
    stages = asked([str(trained), str(full)])
    found = gather_rows(stages, data, None, [], columns={}, seed=0, tell=notes.append)
    assert found.not_known == [1]
    (note,) = notes
    assert note.startswith(f"Which texts {full} learned from is not known")
    assert "Which texts main learned from was not known" in " ".join(
        assumed_told({"promises": {}, "not_known": ["main"]})
    )
    both = gather_rows(asked([str(trained), str(trained) + "=int8"]), data, None, [], columns={},
                       seed=0, tell=notes.append)  # fmt: skip
    assert (both.not_known, len(notes)) == ([], 1)


def test_a_bundle_is_known_by_the_fingerprint_of_what_it_learned_from(
    folder: Path, tmp_path: Path
) -> None:
    data, other = write(tmp_path / "data.csv", 100), write(tmp_path / "test.csv", 60, seed=1)
    texts = tmp_path / "more.txt"
    texts.write_text("\n".join(f"the cat won {at}" for at in range(40)), encoding="utf-8")
    rows = read_examples(data, TASK)
    learned: dict[str, Any] = {
        "data": {"fingerprint": fingerprint(Splits(rows)), "report": {}},
        "distill": {
            "student": "static", "teacher_sha256": "", "hard": 0.1, "temperature": 2.0,
            "checkpoint_sha256": "",
            "unlabelled": fingerprint_of([f"the cat won {at}" for at in range(40)]),
        },
    }  # fmt: skip
    trained = shutil.copytree(folder / "full", tmp_path / "trained")
    (trained / "training.json").write_text(json.dumps(learned))
    bundle = bundled(trained, tmp_path / "bundle")
    stages = asked([str(folder / "cheap"), str(bundle)])

    def gathered(*some: Any) -> Gathered:
        return gather_rows(stages, *some, columns={}, seed=0)

    for some in ((data, None, []), (other, data, []), (data, other, [])):
        with pytest.raises(
            DataError, match=r"100 of 100 rows of --\w+ were trained on by .*bundle"
        ):
            gathered(*some)
    with pytest.raises(DataError, match=r"40 of 40 rows of .*more\.txt were trained on by"):
        gathered(other, None, [texts])
    assert gathered(other, None, []).not_known == [0, 1]
    learned["distill"]["unlabelled"] = fingerprint_of([])  # it learned from labelled rows alone
    manifest = read_manifest(bundle)
    training = {**manifest.provenance["training"], "distill": learned["distill"]}
    write_manifest(
        bundle, replace(manifest, provenance={**manifest.provenance, "training": training})
    )
    stages = asked([str(folder / "cheap"), str(bundle)])
    assert gathered(other, None, []).not_known == [0, 1]
    assert len(gathered(other, None, [texts]).choosing) > 40


def test_a_bundle_tells_how_many_of_the_rows_it_was_exported_with_were_trained_on(
    folder: Path, tmp_path: Path
) -> None:
    data, test = write(tmp_path / "data.csv", 100), write(tmp_path / "test.csv", 60, seed=1)
    trained = shutil.copytree(folder / "full", tmp_path / "trained")
    texts = read_examples(test, TASK).texts
    (trained / SEEN_FILE).write_text(json.dumps(seen_document(texts[:20])))
    bundle = bundled(trained, tmp_path / "bundle", data=data, test=test)
    with pytest.raises(DataError, match=r"\d+ of 60 rows of --test were trained on by .*bundle"):
        gather_rows(asked([str(folder / "cheap"), str(bundle)]), data, test, [], columns={}, seed=0)
