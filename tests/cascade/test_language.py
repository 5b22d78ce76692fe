"""What is refused as another language, by the tokenizer that real English models have."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeft.cascade.language import check_language
from edgeft.cascade.rows import Gathered
from edgeft.cascade.stages import NamedStage
from edgeft.checkpoint.open import open_checkpoint
from edgeft.errors import DataError
from edgeft.proof.evidence import Evidence
from edgeft.train.models import open_base
from tests import tiny

LONG = [
    f"The company said on Tuesday that sales in the last {at} months had risen faster than it had "
    "expected, and that it would open more shops before the end of the year. " * 20
    for at in range(30)
]
TITLES = ["Shares fall", "Arsenal v Chelsea", "Blair quits", "Xbox sales up", "Nadal wins"] * 6
CODE = [
    'document.querySelector("#foo").addEventListener(e => e.preventDefault());',
    "for (let i = 0; i < arr.length; i++) { sum += arr[i].priceUSD; }",
    "SELECT usr_id, count(*) FROM tbl_x1 GROUP BY usr_id;",
    "def check(self, path: Path) -> None:",
] * 8
EMOJI = ["🙂🙂", "great game 🙂🙂🎉", "🔥🔥🔥", "lol 😂", "😭😭😭", "🎉🎉 won!!!"] * 5
GERMAN = ["Gestern verlor unsere Mannschaft überraschend deutlich gegen den Tabellenletzten."] * 30
CHINESE = ["他们昨天输了比赛,我很难过", "房间很大,服务也不错", "酒店位置很好"] * 10
RUSSIAN = ["Вчера наша команда неожиданно проиграла", "Сегодня хорошая погода"] * 15


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> NamedStage:
    """A stage that reads as MiniLM does; what it answers is of no account here."""
    folder = tiny.bert(tmp_path_factory.mktemp("english") / "model")
    checkpoint = replace(open_checkpoint(str(folder)), tokenizer=open_base("minilm").tokenizer)
    return NamedStage("full", str(folder), "fp32", checkpoint)


def gathered(known: list[str], texts: list[str]) -> Gathered:
    some = list(range(len(known)))
    places = list(range(len(known), len(known) + len(texts)))
    return Gathered(
        [*known, *texts], some, [0] * len(some), {Path("more.txt"): places}, [], None, {}, [],
        Evidence(),
    )  # fmt: skip


def notes_of(english: NamedStage, known: list[str], texts: list[str]) -> list[str]:
    notes: list[str] = []
    check_language(english, gathered(known, texts), notes.append)
    return notes


@pytest.mark.parametrize(
    "texts", [TITLES, CODE, EMOJI, LONG], ids=["titles", "code", "emoji", "long"]
)
@pytest.mark.parametrize("known", [LONG, TITLES, []], ids=["long", "titles", "none"])
def test_texts_of_another_kind_are_none_of_another_language(
    english: NamedStage, known: list[str], texts: list[str]
) -> None:
    assert all("or kind" in note for note in notes_of(english, known, texts))
    assert texts is CODE or not notes_of(english, known, texts)


@pytest.mark.parametrize("known", [LONG, TITLES, []], ids=["long", "titles", "none"])
def test_chinese_for_an_english_model_is_refused(english: NamedStage, known: list[str]) -> None:
    with pytest.raises(DataError, match=r"more\.txt seems .* of full does not know 7") as told:
        notes_of(english, known, CHINESE)
    assert "what --data should hold" in told.value.hint


def test_what_the_rows_with_labels_are_like_is_no_other_language(english: NamedStage) -> None:
    assert notes_of(english, CHINESE, CHINESE) == []


def test_letters_that_are_known_by_themselves_alone_are_of_another_language(
    english: NamedStage,
) -> None:
    with pytest.raises(DataError, match=r"seems to be of another .* of those of --data 0\.2"):
        notes_of(english, LONG, RUSSIAN)


def test_what_may_be_another_language_is_told(english: NamedStage) -> None:
    (note,) = notes_of(english, LONG, GERMAN)
    assert note.startswith("more.txt may be of another language or kind: the tokenizer makes 0.")
    assert notes_of(english, LONG, GERMAN[:19]) == []  # too few to tell
