"""A cascade from end to end, of tiny real models."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.bundle import read_manifest, write_manifest
from edgeft.cascade.run import CascadeConfig, CascadeResult, cascade
from edgeft.errors import DataError, EdgeftError, GateError, UsageError
from edgeft.tasks.head import Head
from tests import tiny
from tests.cascade.conftest import texts


def config(stages: tuple[Path | str, ...], out: Path, **settings: Any) -> CascadeConfig:
    return CascadeConfig(tuple(map(str, stages)), out, **settings)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    near_bundle: Path,
    tiny_bundle: Path,
    labelled_texts: Path,
) -> CascadeResult:
    return cascade(
        config(
            (near_bundle, tiny_bundle),
            tmp_path_factory.mktemp("cascade") / "both",
            data=labelled_texts / "data.csv",
            unlabelled=(labelled_texts / "more.txt",),
            max_drop=1.0,
            max_disagreement=1.0,
        )
    )


def test_both_promises_are_kept_on_other_rows(made: CascadeResult) -> None:
    found = made.found
    promises = found["promises"]
    assert {kind: one["most"] for kind, one in promises.items()} == {
        "drop": 0.01, "disagreement": 0.01,
    }  # fmt: skip
    assert promises["drop"]["rows"] == 2000
    assert promises["disagreement"]["rows"] > 4900  # all that choose; a few stand in both files
    assert found["rows"]["report"] == 2000
    assert found["held_out"]["disagreement"]["seen"] < 0.01
    assert found["held_out"]["drop"]["at_most"] < 0.02
    assert sum(one["share"] for one in found["stages"]) == pytest.approx(1)
    assert 0.1 < found["stages"][0]["share"] < 1
    scores = found["figures"]["scores"]
    assert list(scores) == ["near-bundle", "main", "cascade"]
    assert scores["cascade"]["accuracy"] > scores["near-bundle"]["accuracy"]
    assert made.times_as_fast > 0


def test_the_bundle_answers_as_its_stages(
    made: CascadeResult, near_bundle: Path, tiny_bundle: Path
) -> None:
    some = texts(300, seed=7)
    below = made.found["below"]
    with edgeft.load(near_bundle, device="cpu", variant="fp32") as model:
        cheap = model.predict(some)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        full = model.predict(some)
    with edgeft.load(made.out, device="cpu") as model:
        ours = model.predict(some)
    for mine, one, other in zip(ours, cheap, full, strict=True):
        assert mine.stage == ("near-bundle" if one.score >= below else "main")
        assert mine.label == (one if one.score >= below else other).label
    assert {one.stage for one in ours} == {"near-bundle", "main"}


def test_the_manifest_tells_all_and_quotes_nothing(
    made: CascadeResult, labelled_texts: Path
) -> None:
    manifest = read_manifest(made.out)
    assert [(one.model, one.variant) for one in manifest.pipeline] == [
        ("near-bundle", "fp32"), ("main", "fp32"),
    ]  # fmt: skip
    assert manifest.pipeline[0].below == made.found["below"]
    assert {name: one.path for name, one in manifest.models.items()} == {
        "near-bundle": "models/near-bundle", "main": ".",
    }  # fmt: skip
    assert all(set(one.variants) == {"fp32"} for one in manifest.models.values())
    assert not any("int8" in name for name in manifest.files)
    provenance = manifest.provenance
    assert provenance["cascade"]["below"] == made.found["below"]
    assert provenance["cascade"]["seed"] == 0
    sums = [one["checkpoint"]["weights_sha256"] for one in provenance["stages"].values()]
    assert len(set(sums)) == 2
    assert provenance["data"]["unlabelled"][0]["fingerprint"].startswith("sha256:")
    text = (made.out / "edgeft.json").read_text()
    card = (made.out / "README.md").read_text()
    first = (labelled_texts / "data.csv").read_text().splitlines()[1].partition(",")[0]
    for written in (text, card):
        assert first not in written
        assert str(labelled_texts) not in written
    for wanted in (
        "at most 1 points of accuracy are lost",
        "differs from the full model's for at most 1%",
        "no stage was trained on any",
        "2,000 of them rows of the data and 3,000 further texts",
        "These rows decided once.",
        "Which texts near-bundle and main learned from was not known",
        '(`on_long="truncate"`). Loaded with another `on_long` or `overlap`, it says nothing of',
        "Learn then Test",
        "## Where sureness misleads",
    ):
        assert wanted in card
    assert "neighbours" not in card  # no stage's answers depend on them
    json.dumps(made.to_dict(), allow_nan=False)


def test_what_cannot_be_shown_for_want_of_others_is_said(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    # Texts without labels choose all of them, so there are none to report.
    result = cascade(
        config((near_bundle, tiny_bundle), tmp_path / "one", data=labelled_texts / "more.txt")
    )
    assert list(result.found["promises"]) == ["disagreement"]
    assert result.found["held_out"] is None
    assert result.found["figures"] is None
    card = (tmp_path / "one" / "README.md").read_text()
    assert "There were no other rows" in card
    again = cascade(
        config((near_bundle, tiny_bundle), tmp_path / "two", data=labelled_texts / "more.txt")
    )
    assert again.manifest.digest == result.manifest.digest


def test_stages_may_be_variants_of_one_checkpoint(
    tiny_checkpoint: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    result = cascade(
        config(
            (f"{tiny_checkpoint}=int8", tiny_checkpoint),
            tmp_path / "variants",
            unlabelled=(labelled_texts / "more.txt",),
            max_disagreement=2.0,
        )
    )
    manifest = read_manifest(tmp_path / "variants")
    assert list(manifest.models) == ["main"]
    assert manifest.stages == ("main int8", "main fp32")
    assert [one["stage"] for one in result.found["stages"]] == ["main int8", "main fp32"]
    card = (tmp_path / "variants" / "README.md").read_text()
    assert "In a batch the answers of main int8 would depend on their neighbours" in card


def test_three_stages(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    result = cascade(
        config(
            (near_bundle, f"{tiny_bundle}=int8", tiny_bundle),
            tmp_path / "three",
            data=labelled_texts / "data.csv",
            max_drop=1.0,
        )
    )
    assert len(result.found["stages"]) == 3
    assert {one.below for one in result.manifest.pipeline[:-1]} == {result.found["below"]}


# --- bad input ------------------------------------------------------------------------


def refused(kind: type[EdgeftError], config: CascadeConfig, *told: str) -> None:
    """One message with these parts, a next step, and nothing written."""
    with pytest.raises(kind) as found:
        cascade(config)
    for part in told:
        assert part in str(found.value)
    assert found.value.hint
    assert not config.out.exists()
    assert list(config.out.parent.glob(".*")) == []


def test_stages_that_do_not_fit_each_other(
    near_bundle: Path, tiny_bundle: Path, tagger_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    refused(UsageError, config((tiny_bundle,), out), "two stages or more")
    refused(UsageError, config((tiny_bundle, tiny_bundle), out), "named twice")
    refused(
        UsageError, config((tagger_bundle, tiny_bundle), out),
        "is of the task token-classification",
    )  # fmt: skip
    others = tiny.bert(tmp_path / "others", labels=("calm", "glad", "angry"))
    refused(
        UsageError, config((others, tiny_bundle), out),
        "does not have the labels of", "lacks 'sad'", "has 'angry'",
    )  # fmt: skip
    turned = tiny.bert(tmp_path / "turned", labels=("glad", "calm", "sad"))
    refused(UsageError, config((turned, tiny_bundle), out), "in another order")
    refused(UsageError, config((f"{near_bundle}=fp16", tiny_bundle), out), "has no variant 'fp16'")


def test_a_stage_with_thresholds_or_that_is_a_cascade(
    made: CascadeResult, near_bundle: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    refused(UsageError, config((made.out, tiny_bundle), out), "is a cascade itself")
    shutil.copytree(near_bundle, tmp_path / "withholds")
    manifest = read_manifest(tmp_path / "withholds")
    record = manifest.model
    fp32 = replace(record.variants["fp32"], head=Head(abstain_below=0.5))
    record = replace(record, variants={**record.variants, "fp32": fp32})
    write_manifest(tmp_path / "withholds", replace(manifest, models={"main": record}))
    refused(
        UsageError, config((tmp_path / "withholds", tiny_bundle), out),
        "was exported with thresholds of its own",
    )  # fmt: skip


def test_no_rows_or_none_for_what_is_asked(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    stages, out = (near_bundle, tiny_bundle), tmp_path / "out"
    refused(UsageError, config(stages, out), "no rows to set thresholds on")
    refused(
        UsageError, config(stages, out, data=labelled_texts / "more.txt", max_drop=1.0),
        "seen on labelled rows, and there are none",
    )  # fmt: skip
    refused(
        UsageError, config(stages, out, data=labelled_texts / "data.csv", max_drop=0.0),
        "--max-drop 0 is not above 0",
    )  # fmt: skip
    refused(
        UsageError, config(stages, out, data=labelled_texts / "data.csv", speedup=1.0),
        "--speedup 1 is no number of times above 1",
    )  # fmt: skip


def head_of(path: Path, rows: int, to: Path) -> Path:
    to.write_text("\n".join(path.read_text().splitlines()[: rows + 1]) + "\n")
    return to


def test_too_few_rows_say_how_many_would_do(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    stages, out = (near_bundle, tiny_bundle), tmp_path / "out"
    few = head_of(labelled_texts / "data.csv", 200, tmp_path / "few.csv")
    refused(
        GateError, config(stages, out, data=few),
        "Not proven: 100 rows are too few", "no more than 0.5 points", "about 820 would do",
        "Nothing was written", "labelled rows with --data, new ones: these decided once",
    )  # fmt: skip
    refused(
        GateError, config(stages, out, data=few, max_disagreement=1.0),
        "about 300 would do", "--unlabelled FILE, which need no labels",
    )  # fmt: skip


def test_a_bound_that_nothing_meets(
    tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    other = tiny.bert(tmp_path / "other", seed=5)  # it answers as it likes, and is sure of it
    refused(
        GateError,
        config(
            (other, tiny_bundle), tmp_path / "out", data=labelled_texts / "data.csv",
            max_disagreement=0.5,
        ),
        "0.5%", "Nothing was written",
    )  # fmt: skip


def test_a_full_model_that_is_worse(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    refused(
        GateError,
        config((tiny_bundle, near_bundle), tmp_path / "out", data=labelled_texts / "data.csv"),
        "The full model is wrong more often than tiny-bundle", "Use tiny-bundle alone",
    )  # fmt: skip


def test_texts_of_another_language(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    stages, out = (near_bundle, tiny_bundle), tmp_path / "out"
    chinese = tmp_path / "chinese.txt"
    chinese.write_text("\n".join(["他们昨天输了比赛"] * 50))
    spelled = tmp_path / "spelled.txt"  # the tokenizer knows its letters and none of its words
    spelled.write_text("\n".join(f"gestern verlor mannschaft nummer {at}" for at in range(50)))
    for path, told in ((chinese, "does not know"), (spelled, "tokens of a letter")):
        refused(
            DataError,
            config(stages, out, data=labelled_texts / "data.csv", unlabelled=(path,),
                   max_disagreement=1.0),
            f"{path} seems to be of another language", told,
        )  # fmt: skip


def test_rows_that_were_trained_on(
    near_checkpoint: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    from edgeft.data.seen import SEEN_FILE, seen_document

    rows = [one.partition(",")[0] for one in
            (labelled_texts / "data.csv").read_text().splitlines()[1:]]  # fmt: skip
    student = shutil.copytree(near_checkpoint, tmp_path / "student")

    def settings(out: str) -> CascadeConfig:
        return config(
            (student, tiny_bundle), tmp_path / out, data=labelled_texts / "data.csv", max_drop=1.0
        )

    (student / SEEN_FILE).write_text(json.dumps(seen_document(rows)))
    refused(
        DataError, settings("out"), "2,000 of 2,000 rows of --data were trained on by",
        "no stage was trained on, such as the test set",
    )  # fmt: skip
    (student / SEEN_FILE).write_text(json.dumps(seen_document(rows[:40])))
    result = cascade(settings("few"))
    assert result.found["rows"]["trained_on"] == {"--data": 40}
    counts = result.found["rows"]
    assert counts["choose"] + counts["report"] == 3960


def test_a_speed_that_is_not_to_be_had(
    near_bundle: Path, tiny_bundle: Path, labelled_texts: Path, tmp_path: Path
) -> None:
    refused(
        GateError,
        config((near_bundle, tiny_bundle), tmp_path / "out", data=labelled_texts / "data.csv",
               speedup=1000.0),
        "makes it 1000 times as fast as main alone", "the fastest that was timed makes it",
    )  # fmt: skip
