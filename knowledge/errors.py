"""Errors a person can act on: what happened, and what to do next."""


class UserError(Exception):
    """Base of every error that is shown to a person as two lines.

    `problem` says what happened and names the thing; `remedy` says what to do next.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}"


class LoadError(UserError):
    """A file cannot be read as a document."""


class GoneError(LoadError):
    """A page is no longer where it was, by the word of its server: what was taken from it can go."""


class StorageError(UserError):
    """The data folder cannot be used."""


class NotFoundError(UserError):
    """A document or collection that was named does not exist."""
