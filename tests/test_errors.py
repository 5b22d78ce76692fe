"""Errors: one tree, a message and a next step, and the exit status of each."""

import pickle

from edgeft import errors


def test_message_and_hint_are_both_shown() -> None:
    error = errors.DataError("a.csv is empty.", hint="Add rows.")
    assert str(error) == "a.csv is empty.\nAdd rows."
    assert str(errors.DataError("a.csv is empty.")) == "a.csv is empty."


def test_every_error_derives_from_the_one_base() -> None:
    public = (getattr(errors, name) for name in errors.__all__)
    kinds = [one for one in public if isinstance(one, type)]
    assert len(kinds) > 10
    assert all(issubclass(kind, errors.EdgeftError) for kind in kinds)
    statuses = {kind.__name__: kind.exit_code for kind in kinds if kind.exit_code != 1}
    assert statuses == {"UsageError": 2, "GateError": 3}


def test_errors_cross_processes() -> None:
    error = pickle.loads(pickle.dumps(errors.GateError("too far", hint="try")))
    assert (type(error), error.message, error.hint) == (errors.GateError, "too far", "try")
