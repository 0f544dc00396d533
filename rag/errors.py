"""Everything that can go wrong, as one tree. Messages are for the person who asked, in plain words.

    DalilError
    ├── SettingsError          a DALIL_ variable is unknown or out of range
    ├── InputError             the request itself is wrong
    │   └── QuestionError      a question that cannot be asked
    ├── NotFoundError          no article, job or answer of that id
    ├── ReadError              a file or a line of it cannot become an article
    ├── StoreError             the index cannot be used
    │   ├── StoreLockedError   another process holds it
    │   ├── IndexMismatchError it was made with another configuration
    │   ├── IndexDamagedError  it lacks something of what was put into it
    │   └── StorageFullError   its disk has no room for what is to be written
    ├── EmbeddingError         texts cannot be turned into vectors
    ├── RerankError            passages cannot be reranked
    ├── BusyError              as much is being done as may be at once
    └── ModelError             the language model's endpoint failed

Errors of lower layers are turned into these where they arise. The service maps each to an HTTP status in one table
(`ui/api/errors.py`), the command line to an exit code in one place (`ui/cli/main.py`).
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
    """No article, job or answer of that id."""


class ReadError(DalilError):
    """A file, or a line of one, that cannot become an article.

    Parameters
    ----------
    message : str
        For the person who wrote it.
    code : str
        By which the page says it in the reader's language; empty where it does not.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class StoreError(DalilError):
    """The index is unreadable, unwritable, corrupt or unreachable."""


class StoreLockedError(StoreError):
    """Another process holds the index."""


class IndexMismatchError(StoreError):
    """The index was made with another configuration than the one set now."""


class IndexDamagedError(StoreError):
    """The index holds less than was put into it."""


class StorageFullError(StoreError):
    """The disk of the index has too little room for what is to be written; what it holds can be read."""


class EmbeddingError(DalilError):
    """Texts could not be turned into vectors."""


class RerankError(DalilError):
    """Passages could not be reranked."""


class BusyError(DalilError):
    """As much is being done as may be at once."""


class ModelError(DalilError):
    """The language model could not be reached, or answered with nothing usable.

    Parameters
    ----------
    message : str
        For the person who asked.
    reason : str
        The code that a degraded answer gives.
    is_retryable : bool
        Whether asking once more may help.
    retry_after : float or None
        Seconds to wait before, where the endpoint said so.
    """

    def __init__(
        self,
        message: str,
        reason: str = "model_failed",
        is_retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.is_retryable, self.retry_after = reason, is_retryable, retry_after
