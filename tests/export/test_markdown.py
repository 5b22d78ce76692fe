import pytest

from edgeft.export.markdown import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 3.5", "plain words, 3.5"),
        ("[/b]", r"\[/b\]"),
        ("a|b", r"a\|b"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("two\nlines\t here", "two lines here"),
        ("`code` *star* _under_", r"\`code\` \*star\* \_under\_"),
        ("![image](https://example.org)", r"\!\[image\]\(https\://example.org\)"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escape(text) == shown
