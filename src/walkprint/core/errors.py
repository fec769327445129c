"""What can go wrong, as one small family: the command line turns each into one line and exit code 2.

A message says what was found, what was expected, and what to do.
"""


class GaitError(Exception):
    """Any fault that the user can correct; everything else is a bug."""


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class DataError(GaitError):
    """A file, folder, clip or store is not what it should be."""


class RecipeError(GaitError):
    """A setting is unknown, out of range, or contradicts another."""


class ArgumentError(RecipeError):
    """Arguments of one call do not go together; the message names them in backticks."""


class NotImportedError(RecipeError):
    """A file names a class of a module that only the user may import.

    Attributes:
        module: dotted path of the module.
    """

    def __init__(self, module: str, message: str) -> None:
        super().__init__(message)
        self.module = module


class ProtocolError(GaitError):
    """A protocol cannot be carried out on these sequences."""


class CheckpointError(GaitError):
    """A checkpoint is damaged, of another kind, or belongs to another recipe."""


class TrainingError(GaitError):
    """Training cannot go on, e.g. because a loss is not a number."""


class Stopped(SystemExit):
    """A signal asked a training to stop, and what it had learned is saved; no fault.

    Uncaught, the process ends with the exit code of a process that the signal ended: 143 for SIGTERM, 130 for SIGINT.

    Args:
        message: where it stopped.
        code: the exit code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.message, self.code = message, code

    def __str__(self) -> str:
        return self.message
