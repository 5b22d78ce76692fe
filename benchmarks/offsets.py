"""Whether what is found stands where it says: `python -m benchmarks.offsets BUNDLE…`.

Random texts of letters and names in many scripts, emoji and their joiners, combining marks, white
space, what normalization changes, controls and half surrogate pairs, each asked alone in a list,
then as long texts of several windows. For every entity and answer `text[start:end]` must be its
text, in order and without overlap. Ends with status 1 where one is not.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import edgeft
from benchmarks.compare import RESULTS
from edgeft import Question
from edgeft.bench.machine import describe_machine

COUNT = 10_000  # texts, and windows
PIECES = (
    "Berlin", "Ada Lovelace", "New York", "\u00c9\u0301cole", "Zu\u0308rich", "São Paulo",
    "İstanbul", "北京", "東京タワー", "서울", "Москва", "Αθήνα", "القاهرة",
    "ירושלים", "मुंबई", "กรุงเทพ",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd",
    "\u2764\ufe0f", "e\u0301\u0323", "\u200d", "\u200b", "\u200f", "\ufeff", "ﬁ", "½", "Å",
    "㎏", "ſ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "  ", " ", " ", " ", ".", ",", "-", "'s",
    "(", "\x00", "\x1b", "\x85", "\ud83d", "\udc00",
    "##ing", "[SEP]", "[UNK]", "a", "the", "of", "1,000.5", "don't",
)  # fmt: skip
SHORT, LONG = 24, 1500  # most pieces of a text
QUESTION = "Who lives in Zu\u0308rich?"


def texts(seed: int, most: int) -> Iterator[str]:
    """Random texts without end, of 1 to ``most`` pieces."""
    chance = random.Random(seed)
    while True:
        yield "".join(chance.choices(PIECES, k=chance.randint(1, most)))


def faults(text: str, found: Any) -> list[str]:
    """What is wrong with the places of what was found in a text."""
    spans = [found] if hasattr(found, "text") else list(found)
    wrong, behind = [], 0
    for one in spans:
        if text[one.start : one.end] != one.text:
            wrong.append(f"{one.text!r} is not at {one.start}:{one.end} of {text!r}")
        if not behind <= one.start <= one.end <= len(text):
            wrong.append(f"{one.start}:{one.end} is out of order or place in {text!r}")
        behind = one.end
    return wrong


def check(bundle: Path, count: int, seed: int) -> dict[str, Any]:
    """``count`` short texts, then long ones until they had so many windows."""
    found: dict[str, Any] = {"texts": 0, "windows": 0, "found": 0, "faults": []}
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        found["task"] = task = model.task.name

        def ask(some: list[str]) -> Iterator[Any]:
            asked = [Question(QUESTION, one) for one in some] if task != "token-classification" \
                else some  # fmt: skip
            for text, one in zip(some, model.predict(asked), strict=True):
                found["found"] += len(one) if task == "token-classification" else bool(one.text)
                found["faults"] += faults(text, one)
                yield one

        found["texts"] = len(list(ask(list(islice(texts(seed, SHORT), count)))))
        source = texts(seed + 1, LONG)
        while found["windows"] < count:
            found["windows"] += sum(one.windows for one in ask(list(islice(source, 64))))
    return found


def main() -> None:
    """Check each bundle, print and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "offsets.json")
    chosen = parser.parse_args()
    rows = [check(bundle, chosen.count, chosen.seed) for bundle in chosen.bundles]
    print("| task | texts | windows | found | wrong |\n" + "| --- " * 5 + "|")
    for one in rows:
        print(f"| {one['task']} | {one['texts']:,} | {one['windows']:,} | {one['found']:,} | "
              f"{len(one['faults'])} |")  # fmt: skip
    document = {"machine": describe_machine().to_dict(), "method": __doc__, "rows": rows}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if wrong := [fault for one in rows for fault in one["faults"]]:
        sys.exit("\n".join(wrong[:20]).encode("utf-8", "backslashreplace").decode())


if __name__ == "__main__":
    main()
