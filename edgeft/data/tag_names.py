"""Names for the tags of words, where data hold their ids: the ner_tags of the library datasets."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from edgeft.data.kinds import Document, Source, records_of, shown_of, unit_of
from edgeft.data.labels import visible
from edgeft.data.spans import Form, form_of
from edgeft.data.table import Records, Table
from edgeft.errors import DataError

__all__ = ["with_tag_names"]


def with_tag_names(
    source: Source, names: Sequence[str], columns: Mapping[str, str | None]
) -> Source:
    """The source with the name of each tag in place of its id.

    Raises DataError where its tags are none that lists of words have, and, once it is read, at the
    first that is no id or has no name.
    """
    form = form_of(shown_of(source), columns)
    if form is None or form.kind != "words":
        raise DataError(
            f"{source.source} has no lists of words with lists of ids beside them, and "
            "--label-names names such ids.",
            hint="Leave it out where tags stand by their names. Such as "
            '{"tokens": ["Ada", "slept"], "tags": [1, 0]} with --label-names O,B-PER,I-PER.',
        )
    if isinstance(source, Document):
        return replace(source, content=[one for _, one in _named(source, names, form)])
    assert isinstance(source, Table), "it has objects"
    return replace(source, records=lambda: _named(source, names, form))


def _named(source: Source, names: Sequence[str], form: Form) -> Records:
    records, unit = records_of(source), unit_of(source)
    assert records is not None, "what has a first object has all"
    with closing(records):
        for number, one in records:
            tags = one.get(form.spans)
            if isinstance(tags, list):  # what else it may be is told where it is read
                where = f"{source.source}, {unit} {number}"
                one = {**one, form.spans: [_name(tag, names, where) for tag in tags]}
            yield number, one


def _name(tag: Any, names: Sequence[str], where: str) -> str:
    if type(tag) is int and 0 <= tag < len(names):
        return names[tag]
    if type(tag) is not int:
        raise DataError(
            f"{where}: the tag {visible(str(tag))} is no id, and --label-names names ids.",
            hint="Leave --label-names out: tags keep the names that they have.",
        )
    raise DataError(
        f"{where}: the tag {tag} has no name; {len(names)} names are given, for the ids 0 to "
        f"{len(names) - 1}.",
        hint="Give a name for each id, the first for 0."
        if tag >= 0
        else "Negative tags mark what no loss counts: give the words with a tag each instead.",
    )
