"""The model behind an endpoint that speaks OpenAI's chat completions, whatever of it the endpoint leaves out."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.answering.llm.call import watch_connection
from rag.answering.llm.parameters import RequestParameters
from rag.answering.llm.template_marks import ThoughtHabit, ends_in_thought
from rag.errors import ModelError
from rag.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_OPENAI_URL = "https://api.openai.com/v1"
_COMPLETIONS, _DEPLOYMENTS = "/chat/completions", "/openai/deployments/"
_CONNECT_S = 10.0
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CUT_OFF = ("length", "max_tokens")
_FILTERED = "content_filter"
_JSON_TYPE = "application/json"


class TextDelta(NamedTuple):
    """What came of a model's text; empty while it thinks.

    Attributes
    ----------
    delta : str
        The text that is new.
    """

    delta: str


class ChatEndpoint:
    """A model behind an endpoint. Safe to use from several threads.

    Parameters
    ----------
    settings : Settings
        Name the endpoint, the model and its parameters.
    """

    def __init__(self, settings: Settings) -> None:
        import httpx
        import openai

        # A connection of its own for each call is what can be shut without harm to another call.
        limits = httpx.Limits(max_keepalive_connections=0)
        timeout = httpx.Timeout(settings.llm_timeout_s, connect=min(_CONNECT_S, settings.llm_timeout_s))
        hooks: dict[str, list[Callable[..., Any]]] = {"request": [watch_connection]}
        version = {"api-version": settings.llm_api_version} if settings.llm_api_version else {}
        query = {**version, **(settings.llm_extra_query or {})}
        headers = {"Authorization": openai.Omit(), **settings.llm_request_headers}
        self._options: dict[str, Any] = {"headers": headers, "params": query}
        client = openai.OpenAI(
            base_url=endpoint_url(settings),
            api_key="none",
            max_retries=0,
            timeout=timeout,
            http_client=httpx.Client(timeout=timeout, limits=limits, event_hooks=hooks),
        )
        client.organization = client.project = None  # of OpenAI's variables, which are not for every endpoint
        self._client: Any = client
        self._parameters, self._habit = RequestParameters(settings), ThoughtHabit()

    def stream_chat(self, messages: "Sequence[ChatMessage]") -> Iterator[TextDelta]:
        """Answer a conversation: what is new of the text.

        Raises
        ------
        ModelError
            At its end, when the text was cut off.
        """
        turns = [(str(message.role.value), message.content or "") for message in messages]
        draft = _Draft(self._habit, self._request(turns))
        yield from map(TextDelta, self._habit.mark(draft.texts()))
        if draft.finish_reason == _FILTERED:
            raise ModelError("The endpoint's content filter withheld the answer.")
        if draft.finish_reason in _CUT_OFF:
            if draft.is_thought:
                self._parameters.allow_more_tokens()
            raise ModelError(
                "The answer was cut off: it is longer than DALIL_LLM_MAX_TOKENS or the model's context allows.",
                "model_cut_off",
                is_retryable=draft.is_thought,
                retry_after=0.0,
            )

    def _request(self, turns: Sequence[tuple[str, str]]) -> Iterator[Mapping[str, Any]]:
        """The choices of the response; what the endpoint refuses is left out of the next request."""
        import openai

        while True:
            body = self._parameters.build_body(turns)
            try:
                response = self._client.post(
                    _COMPLETIONS,
                    body=body,
                    options=self._options,
                    cast_to=object,
                    stream=True,
                    stream_cls=openai.Stream[object],
                )
            except openai.APIStatusError as error:
                if not self._parameters.adapt(error.status_code, str(error), body):
                    raise
            else:
                return _read_choices(response)


class _Draft:
    """A model's text while it comes."""

    def __init__(self, habit: ThoughtHabit, choices: Iterator[Mapping[str, Any]]) -> None:
        self._habit, self._choices = habit, choices
        self._text = ""
        self.finish_reason = ""

    @property
    def is_thought(self) -> bool:
        """Whether nothing of it is meant for a reader."""
        return not self._text.strip() or ends_in_thought(self._text)

    def texts(self) -> Iterator[str]:
        """The pieces of the text; empty ones while the model thinks."""
        for choice in self._choices:
            message = choice.get("delta") or choice.get("message") or {}
            self.finish_reason = str(choice.get("finish_reason") or self.finish_reason).lower()
            if any(message.get(field) for field in _REASONING_FIELDS):
                self._habit.note_separate_thoughts()
            text = _text_of(message.get("content"))
            self._text += text
            yield text


def endpoint_url(settings: Settings) -> str:
    """The address that the paths of OpenAI's API are put behind: as it is set, or of a deployment on Azure."""
    url = (settings.llm_base_url or _OPENAI_URL).rstrip("/").removesuffix(_COMPLETIONS)
    if settings.llm_api_version and _DEPLOYMENTS not in url:
        return f"{url.removesuffix('/openai')}{_DEPLOYMENTS}{settings.llm_name}"
    return url


def _read_choices(stream: Any) -> Iterator[Mapping[str, Any]]:
    """The first choice of each part of a response, or of a whole one where the endpoint does not stream."""
    response = stream.response
    is_whole = response.headers.get("content-type", "").startswith(_JSON_TYPE)
    for part in [json.loads(response.read())] if is_whole else stream:
        if error := part.get("error"):
            raise ModelError(f"The endpoint answered with an error: {error}", is_retryable=True)
        if choices := part.get("choices"):
            yield choices[0]


def _text_of(content: object) -> str:
    """The text of a message, of which some endpoints give the parts."""
    if isinstance(content, list):
        return "".join(_text_of(part.get("text")) for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError(f"the model's text is {type(content).__name__}")
    return content or ""
