"""Everything that can go wrong, as one tree. Messages are for the person who asked, in plain words.

    DalilError
    ├── SettingsError         a DALIL_ variable is unknown or out of range
    ├── InputError            the request itself is wrong
    │   └── QuestionError     a question that cannot be asked
    ├── NotFoundError         no article of that id
    ├── ReadError             a file or a line of it cannot become an article
    ├── StoreError            the index cannot be used
    │   ├── StoreLockedError  another process holds it
    │   └── PipelineError     it was made by another pipeline
    ├── EmbeddingError        texts cannot be turned into vectors
    └── ModelError            the language model's endpoint failed

Lower layers' own errors are turned into these where they arise. The service maps each to an HTTP status in
one table (`ui/api/errors.py`), the command line to an exit code in one place (`ui/cli/main.py`).
"""


class DalilError(Exception):
    """The root: whatever Dalil says went wrong."""


class SettingsError(DalilError):
    """A setting is unknown, malformed or out of range."""


class InputError(DalilError):
    """A request that cannot be served as it stands."""


class QuestionError(InputError):
    """A question that is empty, too long, or no text."""


class NotFoundError(DalilError):
    """No article of that id."""


class ReadError(DalilError):
    """A file, or a line of one, that cannot become an article."""


class StoreError(DalilError):
    """The index is unreadable, unwritable, corrupt or unreachable."""


class StoreLockedError(StoreError):
    """Another process holds the index."""


class PipelineError(StoreError):
    """The index was made by another pipeline than the one that runs now."""


class EmbeddingError(DalilError):
    """Texts could not be turned into vectors."""


class ModelError(DalilError):
    """The language model could not be reached, or answered with nothing usable.

    `reason` is the code that a degraded answer gives; `again`: asking once more may help, after `retry_after` seconds
    where the endpoint said so.
    """

    def __init__(
        self, message: str, reason: str = "model_failed", again: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.again, self.retry_after = reason, again, retry_after
