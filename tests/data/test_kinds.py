"""What a file is taken for, by its suffix and its beginning."""

import json
from pathlib import Path

import pytest

from edgeft.data import Table, open_source, table_of
from edgeft.data.kinds import Document, open_unless_plain, records_of, unit_of
from edgeft.errors import DataError


def test_json_is_lines_or_one_value(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"text": "a", "n": 1}\n{"text": "b", "n": [2]}\n')
    lines = open_source(path)
    assert isinstance(lines, Table)
    assert lines.shown == ({"text": "a", "n": 1}, {"text": "b", "n": [2]})
    records = [(1, {"text": "a", "n": 1}), (2, {"text": "b", "n": [2]})]
    assert (unit_of(lines), list(records_of(lines) or ())) == ("line", records)
    for value in ([{"text": "a"}], {"data": [], "version": "1"}):
        for indent in (None, 1):
            path.write_text("\n" + json.dumps(value, indent=indent))
            found = open_source(path)
            assert isinstance(found, Document)
            assert found.content == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},', "line 1: no JSON"),
        ('{"a": 1', "line 1: no JSON object"),
        ('{\n"a": 1,\n', "line 1: no JSON object"),
        ('[{"a": 1, "a": 2}]', "the key 'a' stands there twice"),
        ("[" * 100_000, "nested too deeply"),
        ("", "is empty"),
    ],
)
def test_json_that_is_neither(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        open_source(path)


def test_what_is_no_table_says_what_it_is(tmp_path: Path) -> None:
    array = tmp_path / "a.json"
    array.write_text('[{"text": "a", "label": "b"}]')
    with pytest.raises(DataError, match="holds a JSON array, not JSON Lines"):
        table_of(open_source(array))
    array.write_text('{"data": [1]}')
    with pytest.raises(DataError, match="holds one JSON document, not labelled texts"):
        table_of(open_source(array))
    tagged = tmp_path / "a.conll"
    tagged.write_text("Ada B-PER\n")
    with pytest.raises(DataError, match="holds tagged words"):
        table_of(open_source(tagged))
    array.write_text('[{"a": 1}, 2]')
    items = records_of(open_source(array))
    assert items is not None
    with pytest.raises(DataError, match="item 2: an object is wanted, not a int"):
        list(items)


def test_a_file_of_texts_is_no_source(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\n")
    assert open_unless_plain(path) is None
    with pytest.raises(DataError, match=r"the suffix '\.log' is not one"):
        open_source(path)
