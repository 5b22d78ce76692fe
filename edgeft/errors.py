"""The tree of errors. This module imports nothing from edgeft.

EdgeftError                 exit status 1
├── UsageError              the request itself makes no sense          (2)
├── DataError               a file, row or column of the user's data
├── ModelError              a checkpoint that cannot be loaded or trained
├── BundleError             a bundle that cannot be read
│   ├── FormatError         … because this version does not know its format
│   └── IntegrityError      … because its bytes or answers are not the recorded ones
├── DeviceError             a named device that cannot run the model
├── RunError                a loaded model cannot answer
│   ├── ClosedError         … because it was closed, or belongs to the process before a fork
│   ├── OverloadError       … because too much is waiting already
│   └── DeadlineError       … because the time that the caller gave has passed
├── DependencyError         a package that this step needs is not installed
├── OutputError             the result cannot be written
└── GateError               a limit that the user set was not met      (3)
"""

__all__ = [
    "BundleError",
    "ClosedError",
    "DataError",
    "DeadlineError",
    "DependencyError",
    "DeviceError",
    "EdgeftError",
    "FormatError",
    "GateError",
    "IntegrityError",
    "ModelError",
    "OutputError",
    "OverloadError",
    "RunError",
    "UsageError",
    "first_line",
]


class EdgeftError(Exception):
    """Base of every error that edgeft raises on purpose.

    ``message`` says what was found and where; ``hint`` the next step, as a
    command where there is one. ``str(error)`` joins both.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[EdgeftError], message: str, hint: str) -> EdgeftError:
    return kind(message, hint=hint)


class UsageError(EdgeftError):
    """The request itself makes no sense, whatever the files hold."""

    exit_code = 2


class DataError(EdgeftError):
    """A file, row or column of the user's data cannot be used."""


class ModelError(EdgeftError):
    """A checkpoint cannot be found, loaded, trained or exported."""


class BundleError(EdgeftError):
    """A bundle cannot be read."""


class FormatError(BundleError):
    """A bundle has a format or needs a feature that this version does not know."""


class IntegrityError(BundleError):
    """A bundle's bytes or answers are not those that were recorded."""


class DeviceError(EdgeftError):
    """A named device cannot run the model."""


class RunError(EdgeftError):
    """A loaded model cannot answer: its engine failed, or see the subclasses."""


class ClosedError(RunError):
    """A model is used after it was closed, or in a process that was forked from its own."""


class OverloadError(RunError):
    """More texts are waiting than the model lets wait. Nothing was computed; try again later."""


class DeadlineError(RunError):
    """The time that the caller gave a prediction has passed."""


class DependencyError(EdgeftError):
    """A package that this step needs is missing or unusable."""


class OutputError(EdgeftError):
    """A result cannot be written where the user asked."""


class GateError(EdgeftError):
    """A limit that the user set was not met."""

    exit_code = 3


def first_line(error: BaseException) -> str:
    """The first line of an error's text, with the next where it only announces that one.

    Its type where it has no text.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
