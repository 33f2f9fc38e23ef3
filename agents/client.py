"""The OpenRouter adapter, for any server that speaks Chat Completions.

The `openai` package opens the stream; its bytes are read and decoded here, since its typed
stream costs fifteen times the CPU and says nothing when a stream breaks. Retries are not ours:
see `agents.retry`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import msgspec
import openai

from agents.chat_stream import Problem, StreamDecoder, provider_error
from agents.errors import BadProviderResponse, ProviderTimeout, ProviderUnavailable
from agents.models import DEFAULT_CATALOG, ModelCatalog
from agents.ports import LLMChunk, LLMRequest, Message, UsageReport

OPENROUTER_URL = "https://openrouter.ai/api/v1"
_AFTER_DONE_S = 0.5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. `openrouter` None: known by the address."""

    base_url: str = OPENROUTER_URL
    api_key: str = ""
    referer: str = "https://zapdev.app"
    openrouter: bool | None = None

    @property
    def is_openrouter(self) -> bool:
        """Whether OpenRouter's own parameters are understood there."""
        if self.openrouter is not None:
            return self.openrouter
        host = urlsplit(self.base_url).hostname or ""
        return host == "openrouter.ai" or host.endswith(".openrouter.ai")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until a stream is given up. Comment lines that only keep it open do not count."""

    first_token_s: float = 60.0
    between_chunks_s: float = 30.0
    total_s: float = 600.0


class OpenRouterLLM:
    """Implements `agents.ports.LLM`; one per process, closed by `aclose`."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        catalog: ModelCatalog = DEFAULT_CATALOG,
        deadlines: Deadlines = Deadlines(),
    ) -> None:
        self._endpoint = endpoint
        self._fallbacks = catalog.fallbacks
        self._prices = catalog.by_id()
        self._deadlines = deadlines
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.api_key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=openai.Timeout(deadlines.total_s, connect=10.0),
            default_headers={
                "HTTP-Referer": endpoint.referer,
                "X-Title": "Zapdev",
                "Accept": "text/event-stream",
                "Accept-Encoding": "identity",  # compressed event streams are withheld
            },
            http_client=openai.DefaultAioHttpClient(),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(self, request: LLMRequest) -> AsyncGenerator[LLMChunk]:
        """Stream one completion, as `agents.ports.LLM` promises.

        The pieces of one network read are joined. Usage comes last, once.

        Raises:
            RateLimited, ProviderTimeout, ProviderUnavailable, AuthFailed, ContentRefused,
            BadProviderResponse, BadOutput.
        """
        now = asyncio.get_running_loop().time
        end = now() + self._deadlines.total_s
        until = min(now() + self._deadlines.first_token_s, end)
        response = await self._open(self._body(request), until)
        decoder = StreamDecoder()
        try:
            async with aclosing(response.aiter_bytes()) as reads:
                while not decoder.done:
                    for chunk in decoder.feed(await _next(reads, until)):
                        yield chunk
                    if decoder.take_progress():
                        until = min(now() + self._deadlines.between_chunks_s, end)
                await _read_to_end(reads)
        finally:
            await response.aclose()
        if decoder.usage is not None:
            model = self._prices.get(request.model)
            yield UsageReport(model.priced(decoder.usage) if model else decoder.usage)

    async def _open(self, body: Mapping[str, Any], until: float) -> httpx2.Response:
        """Send the request; answers once the provider's status is known to be good."""
        with _mapped_errors():
            async with asyncio.timeout_at(until):
                stream = await self._client.post(
                    "/chat/completions",
                    cast_to=object,
                    body=body,
                    options={"headers": _NOT_OURS},
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
        return stream.response

    def _body(self, request: LLMRequest) -> dict[str, Any]:
        messages = [_message(message) for message in request.messages]
        is_loop = bool(request.tools)  # only an agent's prefix is sent again and again
        caches = self._endpoint.is_openrouter and request.model.startswith(_CACHE_WHERE_MARKED)
        if is_loop and caches:
            _mark_for_caching(messages)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": messages,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "stream": True,
        }
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in request.tools
            ]
        if not self._endpoint.is_openrouter:
            return body | {"stream_options": {"include_usage": True}}
        body["usage"] = {"include": True}
        fallbacks = [model for model in self._fallbacks if model != request.model]
        return body | ({"models": fallbacks} if fallbacks else {})


_NOT_OURS = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
"""The package would send these from variables that were set for somebody else."""


_CACHE_WHERE_MARKED = ("anthropic/", "google/")
"""Models that cache a prefix only up to marks; the others do it by themselves."""


def _mark_for_caching(messages: list[dict[str, Any]]) -> None:
    """Marks after the system prompt and after the newest request: what stays while tools run."""
    requests = [wire for wire in messages if wire["role"] == "user"]
    for wire in [*(wire for wire in messages if wire["role"] == "system"), *requests[-1:]]:
        part = {"type": "text", "text": wire["content"]}
        wire["content"] = [part | {"cache_control": {"type": "ephemeral"}}]


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return wire


async def _next(reads: AsyncIterator[bytes], until: float) -> bytes:
    """The next network read; empty at the end of the stream."""
    with _mapped_errors():
        async with asyncio.timeout_at(until):
            return await anext(reads, b"")


async def _read_to_end(reads: AsyncIterator[bytes]) -> None:
    """Give the connection a moment to end, so that it can be used again. All is said already."""
    try:
        async with asyncio.timeout(_AFTER_DONE_S):
            async for _ in reads:
                pass
    except (TimeoutError, httpx2.HTTPError, aiohttp.ClientError, OSError):
        return


# --- what goes wrong ---------------------------------------------------------------------


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """Every failure of the transport in the words of our error tree."""
    try:
        yield
    except openai.APIStatusError as error:
        problem = _problem_of(error.body)
        raise provider_error(error.status_code, problem, error.response.headers) from error
    except TimeoutError as error:
        raise ProviderTimeout("The model did not answer in time.") from error
    except (
        openai.APIConnectionError,
        httpx2.HTTPError,
        aiohttp.ClientError,
        OSError,
    ) as error:
        raise ProviderUnavailable(f"The connection broke: {type(error).__name__}.") from error
    except openai.OpenAIError as error:
        raise BadProviderResponse(f"Not understood: {type(error).__name__}.") from error


def _problem_of(body: object) -> Problem:
    """The error object of an HTTP answer, as far as it has one."""
    try:
        return msgspec.convert(body, Problem)
    except msgspec.ValidationError:
        return Problem(message=str(body)[:300])
