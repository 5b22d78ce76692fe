"""What a task is: values and functions in one frozen dataclass. Standard library only."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from edgeft.tasks.head import Head, Wish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.inputs import Input
    from edgeft.tasks.encoded import Encoded
    from edgeft.tasks.outputs import Axes, Outputs

    Sure = Callable[
        [Outputs, Sequence[Encoded], Sequence[Input], "LabelNames", "Head"], NDArray[np.float64]
    ]
    Format = Callable[[Iterable[tuple[Any, Any]], Tell, Callable[[str], int]], Iterator[str]]

__all__ = [
    "FIRST_TASK",
    "FOREIGN_TASK",
    "PAIR",
    "PAIRS",
    "TASKS",
    "TEXTS",
    "Answers",
    "Columns",
    "LabelNames",
    "LongTexts",
    "Noun",
    "Rows",
    "Scores",
    "Task",
    "Usage",
    "problem_of",
]

# Each task, under the name that Hugging Face pipelines use, and the first version that reads its
# bundles: what their manifests require.
TASKS: Mapping[str, str] = {
    "text-classification": "0.1.0",
    "multi-label-classification": "0.2.0",
    "token-classification": "0.2.0",
    "question-answering": "0.2.0",
    "text-regression": "0.2.0",
    "feature-extraction": "0.2.0",
}

FIRST_TASK = "text-classification"  # which every version reads, so nobody need require it
FOREIGN_TASK = "foreign"  # of graphs that bench only times; no bundle that is kept has it

# What a model was made for, of a task that is asked either: see ``narrowed``.
TEXTS, PAIRS = "texts", "pairs"


LongTexts = Literal["truncate", "error", "window"]
Columns = Mapping[str, str | None]  # role ("text", "label", "tags" …) → the name that was given
LabelNames = tuple[str, ...]


class Rows(Protocol):
    """N truths or N answers: a list, a tuple or an array."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class Noun:
    """What one of a kind is called, and several."""

    one: str
    many: str

    def of(self, count: int) -> str:
        """So many of them: "1 text", "2,000 texts"."""
        return f"{count:,} {self.one if count == 1 else self.many}"

    def are(self, count: int) -> str:
        """The same with its verb: "1 text is", "2,000 texts are"."""
        return f"{self.of(count)} {'is' if count == 1 else 'are'}"


PAIR = Noun("pair", "pairs")  # of texts: what inputs are where two columns are read


@dataclass(frozen=True)
class Usage:
    """How a model is asked, as its card shows it.

    predict: lines of Python in which ``model`` is loaded. given, truncation: what transformers'
    tokenizer is called with.
    """

    predict: str
    given: str = '"…"'
    truncation: str = "True"


@dataclass(frozen=True, eq=False)  # arrays have no one answer to whether they are equal
class Answers:
    """Answers to N inputs in the form in which truths stand, without what only people read.

    given: what the runtime answers, thresholds and all. likeliest: the same without the thresholds
    that someone wished for, which is what gates compare; where there are none, the two are one
    object. Both are (N,) and hashable one by one: class ids with -1 for a withheld one, tuples of
    label ids, of (start, end, label id), (text, start, end). parts: (K,) label ids where an answer
    is made of many, so that all of it is rarely clear: of a tagger those of the words of all texts,
    of many labels each one of each text, -1 for none; else None. margin: from 0 to 1, how far the
    likeliest lies before the next: (K,) of the parts, (N,) without them.
    """

    given: Rows
    likeliest: Rows
    margin: "NDArray[np.float64]"
    parts: "NDArray[np.int64] | None" = None


class Scores(Protocol):
    """All figures of one set of answers, of any task."""

    @property
    def rows(self) -> int: ...

    @property
    def support(self) -> dict[str, int]:
        """How often the truths hold each label; empty where a task has none."""
        ...

    def figure(self, metric: str) -> float:
        """One of the task's ``metrics``, to the six digits to which all scores are rounded."""
        ...

    def headline(self) -> dict[str, float]:
        """The few that head a table, the task's ``metrics`` first; then "rows"."""
        ...

    def summary(self) -> dict[str, str]:
        """By heading what stands in one row, beside the rows of other splits or models."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        ...

    def outcome(self, head: Head) -> dict[str, float | None]:
        """Where thresholds change answers, what these come to, flat; else empty."""
        ...

    def selective(self) -> dict[str, float | None]:
        """What withholding answers does: rows, coverage, …; empty where none can be."""
        ...

    def tables(self, title: str) -> list[tuple[str, list[str], list[list[object]]]]:
        """(title, columns, rows) of what a person wants to see: by label, where mistakes are."""
        ...


def problem_of(config: Mapping[str, Any]) -> str:
    """What transformers takes a classifier's head to be for, by its config.json.

    Where that does not say, one number is a regression's and several are those of classes.
    """
    if config.get("problem_type"):
        return str(config["problem_type"])
    named = config.get("id2label") or config.get("label2id")
    count = len(named) if isinstance(named, Mapping) else config.get("num_labels", 2)
    return "regression" if count == 1 else "single_label_classification"


@dataclass(frozen=True, eq=False, repr=False)  # neither is asked for, and both take time to make
class Task:
    """A supervised task. All fields are needed; none has a default that says "not here".

    name: of the pipeline. auto_class: of transformers; problem: its word for what a head of that
        class is for ("problem_type"), "" where it has one kind alone. export_task: optimum's word.
    outputs: the graph's outputs and their axes; the first is "inputs".
    unit: in what differences of outputs are measured where two graphs should give the same.
    takes: the kinds of inputs.
    settings: fields of Head that ``load`` may change.
    metrics: name → words, of the figures that may not get worse; the first chooses the best epoch.
    noun: what a model of this task is called: "text classifier".
    asks: what an input is called. marks: what truths consist of; unless ``single``, which says that
        each is one label, an input may be without any. counted: what ``Scores.support`` counts of
        each label.
    shares: what many inputs may have in common, so that they stand on one side of every split;
        None where each stands for itself. group(input): that of an input, or its own texts.
    sided: whether the two texts of a pair differ in kind, as a query and a passage do, so that an
        encoder's prompts for these stand before them.
    forms: the same task as it is judged by truths of another form, which tell of other figures; ()
        where all are of one. suits(truths): whether such are of this form.
    judged: what is compared where the reference is clear: inputs, or the parts of Answers.
    by_label: which of ``metrics`` weighs labels alike, however rare; "" for none.
    provided: what must hold for the interval of a loss to do so, where inputs weigh by what they
        hold: "texts with … are …"; else "".
    schemes: name → how labels are made of the types that users name; empty without a choice.
    data, example: what it learns from, in words, and as a line of JSON.
    alike: what ``same`` counts, in words: "same label". Headings and "as fp32" follow it.
    alike_is: how it counts, where that is not the share of inputs with an equal answer; else "".

    usage, limits(heads): for the model card; what to know of answers under any of these heads.
    rules(head): what its thresholds say of when what is answered, one in words each.
    cautions(heads, bare): what to be told at the export of a model with these heads, of whose
        training inputs so many were without any marks.
    formats: name → (input, prediction) pairs to the lines that other tools read, beside JSON; each
        is told what to warn with, and how many characters of its document a text takes.

    roles: the columns that are read, of those that may be named; the last tells what is true.
    detect(source, columns): whether data are of a form in which only this task's are written, or
        columns are named that only this task reads.
    aloud(source, columns): what to say where nobody named the task, of data that might be
        another's; else "".
    read(source, columns, tell, on_bad): labelled inputs, or the inputs alone where there is no
        truth; what becomes of rows whose annotation is wrong: see OnBad. Raises DataError.
    labels(examples): the labels in the order of their ids, as train shows them; () for none.
    shown(truths, labels): the labels that each truth holds, as users name them.
    truth_key(input, truth): what makes truths of inputs with the same words the same, white space
        aside.
    strata(truths, labels): what a split keeps in proportion, one key a row.
    join(outputs, encoded): outputs of all parts of N inputs → of the inputs.
    answer(outputs, encoded, inputs, labels, head): joined outputs → Answers. Raises RunError where
        they are no numbers.
    decode(outputs, encoded, inputs, labels, head): joined outputs → N predictions.
    sure(outputs, encoded, inputs, labels, head): joined outputs → (N,) float64, 0 to 1: the
        probability, under the head's temperature, of what is likeliest. Raises RunError where they
        are no numbers.
    relevance(predictions, labels, label): what ``decode`` gave → (N,) float64, by which texts are
        ranked, the highest first: of pairs of a query and a text each, or where it embeds, of the
        query and behind it N texts. ``label`` names whose score it is, where there are labels.
        Raises UsageError where nothing can be ranked by.
    doubts: whether it can be sure or not, so that a cascade knows when to ask further.
    same(ones, others): (N,) float64, 0 to 1: how far two lists of answers agree, or answers and
        truths: 1 where a row is right.
    score(truths, answers, labels): all figures. figures(truths, answers, labels, weights): each of
        ``metrics`` under (M, D) weights of M kinds of rows, (D,) float64 each, from 0 to 1; of a
        correlation from -1.
    worst(truths, answers, reference, labels, weight): the row (truth, answer, reference answer)
        that one more of, at that weight, would cost most; the bound of an interval rests on it.
        Its truth is one that occurs, of typical size where rows weigh by their size. None where
        nothing can be lost.
    further(outputs, truths, labels, head): figures that this task alone has, flat.
    unfitted(truths): the head before any rows have set it, for rows with such truths; only its
        likeliest answers count, as no threshold is set.
    suited(outputs, truths, labels): the head under which likeliest answers to joined outputs are
        best on these rows: ``unfitted`` where they depend on no threshold.
    fit(outputs, encoded, inputs, truths, labels, wish, name): the head for these rows.
        Raises GateError where nothing gives what is wished; check(wish, labels) raises UsageError
        before anything runs.
    show(prediction, full): JSON; the command line, HTTP and benches give the same.
    golden: built-in inputs; parity(max_length): more of them, up to beyond the limit.
    """

    name: str
    auto_class: str
    problem: str
    export_task: str
    noun: str
    outputs: "Mapping[str, Axes]"
    unit: "Callable[[Outputs], float]"
    takes: tuple[type, ...]
    asks: Noun
    marks: Noun
    counted: Noun
    shares: Noun | None
    group: "Callable[[Input], tuple[str, ...]]"
    sided: bool
    forms: "tuple[Task, ...]"
    suits: Callable[[Rows], bool]
    judged: Noun
    single: bool
    settings: frozenset[str]
    metrics: Mapping[str, str]
    by_label: str
    provided: str
    data: str
    example: str
    alike: str
    alike_is: str
    schemes: Mapping[str, Callable[[Iterable[str]], LabelNames]]
    usage: Usage
    limits: Callable[[Sequence[Head]], Sequence[str]]
    rules: Callable[[Head], Sequence[str]]
    cautions: Callable[[Sequence[Head], int], Sequence[str]]
    formats: "Mapping[str, Format]"
    roles: tuple[str, ...]
    detect: "Callable[[Source, Columns], bool]"
    aloud: "Callable[[Source, Columns], str]"
    read: "Callable[[Source, Columns, Tell, OnBad], Examples | Sequence[Input]]"
    labels: "Callable[[Examples], LabelNames]"
    shown: Callable[[Rows, LabelNames], list[Sequence[str]]]
    truth_key: "Callable[[Any, Any], Hashable]"
    strata: Callable[[Rows, LabelNames], list[str]]
    join: "Callable[[Outputs, Sequence[Encoded]], Outputs]"
    answer: "Callable[[Outputs, Sequence[Encoded], Sequence[Input], LabelNames, Head], Answers]"
    decode: "Callable[[Outputs, Sequence[Encoded], Sequence[Input], LabelNames, Head], list[Any]]"
    sure: "Sure"
    relevance: "Callable[[Sequence[Any], LabelNames, str | None], NDArray[np.float64]]"
    doubts: bool
    same: "Callable[[Rows, Rows], NDArray[np.float64]]"
    score: Callable[[Rows, Rows, LabelNames], Scores]
    figures: (
        "Callable[[Rows, Rows, LabelNames, NDArray[np.float64]], dict[str, NDArray[np.float64]]]"
    )
    worst: Callable[[Rows, Rows, Rows, LabelNames, float], tuple[Any, Any, Any] | None]
    further: "Callable[[Outputs, Rows, LabelNames, Head], dict[str, float | None]]"
    unfitted: Callable[[Rows], Head]
    suited: "Callable[[Outputs, Rows, LabelNames], Head]"
    fit: (
        "Callable[[Outputs, Sequence[Encoded], Sequence[Input], Rows, LabelNames, Wish, str], Head]"
    )
    check: Callable[[Wish, LabelNames], None]
    show: Callable[[Any, bool], dict[str, Any]]
    golden: "tuple[Input, ...]"
    parity: "Callable[[int], Sequence[Input]]"

    def judging(self, truths: Rows) -> "Task":
        """The same task in the form that truths such as these judge."""
        return next((one for one in self.forms if len(truths) and one.suits(truths)), self)

    def measured_as(self, figures: Collection[str]) -> "Task":
        """The same in the form that has figures of these names."""
        forms = (self, *self.forms)
        return next((one for one in forms if {*one.metrics} <= {*figures}), self)

    @property
    def ort_class(self) -> str:
        """The name of optimum's class that reads its folders."""
        if self.embeds:
            return "ORTModelForFeatureExtraction"
        return f"ORT{self.auto_class.removeprefix('Auto')}"

    def is_of(self, config: Mapping[str, Any]) -> bool:
        """Whether a head of its class is for this task, by the model's config.json."""
        return self.problem in ("", problem_of(config))

    @property
    def embeds(self) -> bool:
        """Whether it gives a vector for each text, so that the two of a pair are read apart."""
        return any("dimensions" in axes for axes in self.outputs.values())

    @property
    def by_token(self) -> bool:
        """Whether it tells of tokens, so that parts carry spans of characters and words."""
        return any("tokens" in axes for axes in self.outputs.values())

    @property
    def on_long(self) -> LongTexts:
        """What is done with a long input unless told otherwise."""
        return "window" if self.by_token else "truncate"
