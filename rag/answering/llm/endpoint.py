"""The model behind an endpoint that speaks OpenAI's chat completions."""

from rag.answering.llm.call import ChatModel, watch_connection
from rag.settings import Settings

_OPENAI_URL = "https://api.openai.com/v1"
_TEMPERATURE = 0.0


def open_llm(settings: Settings) -> ChatModel | None:
    """The model that `settings` name; None when they name none."""
    if settings.llm_name is None:
        return None
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    # A connection of its own for each call is what can be shut without harm to another call.
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(timeout=settings.llm_timeout_s, limits=limits, event_hooks={"request": [watch_connection]})
    model: ChatModel = OpenAILike(
        model=settings.llm_name,
        api_base=settings.llm_base_url or _OPENAI_URL,
        api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none",
        is_chat_model=True,
        timeout=settings.llm_timeout_s,
        max_retries=0,
        temperature=_TEMPERATURE,
        http_client=client,
    )
    return model
