"""The error tree. Each class carries the exit code of the command line; only the CLI turns errors into text."""

from __future__ import annotations


class DvaEditError(Exception):
    """Base of all errors a user can cause or mend: one ``message`` line and one ``hint`` line."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DvaEditError):
    """An option, name or combination that makes no sense."""

    exit_code = 2


class VideoError(DvaEditError):
    """A file that is missing, not a video, damaged, or that cannot be written as one."""

    exit_code = 3


class NoFaceError(DvaEditError):
    """No frame of the video shows a face that can be edited."""

    exit_code = 4


class WeightsError(DvaEditError):
    """Weights that are missing, damaged or do not fit their model."""

    exit_code = 5


class StorageError(DvaEditError):
    """The cache or the disk: full, read-only, locked or damaged."""

    exit_code = 6
