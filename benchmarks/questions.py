"""Many questions over one context: `python -m benchmarks.questions BUNDLE --data dev.json`.

The same questions about one long context, in one call and one call after another, in one process
and in turns. The context is made of the file's paragraphs, the questions are the file's own; what
is answered must be the same.
"""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter

import edgeft
from benchmarks.compare import RESULTS, Row, alternate, row, save
from edgeft import Question
from edgeft.tasks import task_named
from edgeft.tasks.reading import read_inputs

WORDS, QUESTIONS = 3000, 100
BAR = 3.0  # times as quick


def asked(path: Path, words: int, count: int) -> list[Question]:
    """The first ``count`` questions of a file about one context of ``words`` words."""
    given = [one for one in read_inputs(path, task_named("question-answering"))
             if isinstance(one, Question)]  # fmt: skip
    return about_one(given, words, count)


def about_one(given: Sequence[Question], words: int, count: int) -> list[Question]:
    """The first ``count`` questions about ``words`` words of all contexts in a row."""
    paragraphs = " ".join(dict.fromkeys(one.context for one in given)).split()
    if len(paragraphs) < words:
        raise SystemExit(f"The contexts have {len(paragraphs):,} words, {words:,} are needed.")
    context = " ".join(paragraphs[:words])
    questions = dict.fromkeys(one.question for one in given)
    return [Question(one, context) for one in islice(questions, count)]


def measure(
    bundle: Path,
    questions: Sequence[Question],
    device: str,
    variant: str,
    threads: int,
    rounds: int,
) -> Row:
    """One call against many. Raises SystemExit where their answers differ."""
    with edgeft.load(
        bundle, task="question-answering", device=device, variant=variant, threads=threads
    ) as model:

        def together() -> float:
            begin = perf_counter()
            model.predict(questions)
            return perf_counter() - begin

        def alone() -> float:
            begin = perf_counter()
            for one in questions:
                model.predict(one)
            return perf_counter() - begin

        singles = [model.predict(one) for one in questions]
        differing = [at for at, one in enumerate(model.predict(questions))
                     if (one.start, one.end) != (singles[at].start, singles[at].end)]  # fmt: skip
        if differing:
            raise SystemExit(f"{len(differing)} answers differ, the first of {differing[0]}.")
        pairs = alternate(together, alone, rounds)
    words = len(questions[0].context.split())
    what = f"{len(questions)} questions over one context of {words:,} words, one at a time"
    return row(what, pairs, unit="s", at_least=BAR, note=f"{singles[0].windows} windows each")


def main() -> None:
    """Measure, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=int, default=WORDS)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "questions.json")
    chosen = parser.parse_args()
    some = asked(chosen.data, chosen.words, chosen.questions)
    found = measure(
        chosen.bundle, some, chosen.device, chosen.variant, chosen.threads, chosen.rounds
    )
    save(chosen.out, [found], __doc__ or "")


if __name__ == "__main__":
    main()
