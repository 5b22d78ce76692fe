import pytest

from edgeft.export.provenance import public_name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("minilm", "sentence-transformers/all-MiniLM-L6-v2"),
        ("distilbert", "distilbert/distilbert-base-uncased"),
        ("google-bert/bert-base-uncased", "google-bert/bert-base-uncased"),
        ("base", "base"),
        ("/home/alice/base", "base"),
        ("../alice/base", "base"),
        (r"C:\Users\alice\base", "base"),
        ("C:/Users/alice/base", "base"),
        (r"alice\base", "base"),
    ],
)
def test_a_path_is_not_told(name: str, told: str) -> None:
    assert public_name(name) == told
