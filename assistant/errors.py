"""What can go wrong between a question and its answer."""

from knowledge.errors import UserError


class UsageError(UserError):
    """The assistant was asked in a wrong way; asking differently helps."""


class SettingsError(UsageError):
    """A profile or an environment variable is wrong."""


class EmptyQuestionError(UsageError):
    """There is nothing to answer."""


class QuestionTooLongError(UsageError):
    """The question alone is longer than the model's context."""


class EngineError(UserError):
    """The model cannot be loaded or served."""


class TooLateError(EngineError):
    """The model did not begin to answer in time."""


class BusyError(UserError):
    """Too many ask at once; asking again later helps."""
