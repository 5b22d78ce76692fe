"""Readers of the user's texts: tables, plain text, tagged words, and what labelling tools write.

One parser for every stage, and a strict one: a cell is the text that stands
there ("NA", "null" and "None" stay text, a label "01" stays "01"), a row with
too few or too many fields is an error with its line, and bytes that are no text
are told for what they are. What a reader had to decide (a delimiter that the
suffix does not say, a column among several) it tells in a note.
"""

from edgeft.data.bad import OnBad
from edgeft.data.examples import Examples, inputs_in, labelled
from edgeft.data.input_columns import find_inputs, holds_pairs, inputs_of, lone_surrogate
from edgeft.data.kinds import (
    SOURCE_SUFFIXES,
    Source,
    is_source,
    open_source,
    table_of,
)
from edgeft.data.labels import lookalikes, ordered_labels, visible
from edgeft.data.notes import Tell, unheard
from edgeft.data.read import (
    TABLE_SUFFIXES,
    open_inputs,
    open_table,
    open_texts,
    read_texts,
    read_whole,
)
from edgeft.data.sample import distinct, evenly, sample_evenly
from edgeft.data.split import grouped_split, stratified_split
from edgeft.data.splits import Splits, fingerprint, hold_out
from edgeft.data.table import LABEL_COLUMNS, TEXT_COLUMNS, Cells, Table
from edgeft.data.together import split_pairs, text_shared

__all__ = [
    "LABEL_COLUMNS",
    "SOURCE_SUFFIXES",
    "TABLE_SUFFIXES",
    "TEXT_COLUMNS",
    "Examples",
    "OnBad",
    "Cells",
    "Source",
    "Splits",
    "Table",
    "Tell",
    "distinct",
    "evenly",
    "find_inputs",
    "holds_pairs",
    "fingerprint",
    "grouped_split",
    "hold_out",
    "inputs_in",
    "inputs_of",
    "is_source",
    "labelled",
    "lone_surrogate",
    "lookalikes",
    "open_inputs",
    "open_source",
    "open_table",
    "open_texts",
    "ordered_labels",
    "read_texts",
    "read_whole",
    "sample_evenly",
    "split_pairs",
    "stratified_split",
    "table_of",
    "text_shared",
    "unheard",
    "visible",
]
