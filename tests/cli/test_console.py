"""Text of the user's cannot steer the terminal."""

import pytest

from edgeft.cli import console

NASTY = "a\x1b[31mred\x9b2J\nb\x7f"
SHOWN = r"a\x1b[31mred\x9b2J\x0ab\x7f"


def test_controls_are_spelt_out_and_other_text_stays() -> None:
    assert console.printable(NASTY) == SHOWN
    assert console.printable("数据 🙂 é [/b]") == "数据 🙂 é [/b]"


def test_nothing_printed_holds_a_control(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(NASTY, [NASTY], [[NASTY]])
    console.print_lines([NASTY])
    console.note(NASTY)
    out, err = capsys.readouterr()
    assert out.count(SHOWN) == 4
    assert err == SHOWN + "\n"
    assert not any(control in out + err for control in "\x1b\x9b\x7f")
