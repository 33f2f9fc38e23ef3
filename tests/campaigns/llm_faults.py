"""Model calls under every fault: no wrong success, no crash, at most four requests each.

Half of the calls go to `llmock`, with each fault that it can inject; the other half to our own
OpenRouter stand-in, with what only OpenRouter and its likes do. A call is judged by what the
model really said. Retries wait on a clock that takes no time; only stalls take real seconds.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from random import Random

from llmock.testing import LLMockServer

from agents.client import Deadlines, Endpoint, OpenRouterLLM
from tests.campaigns._fake_cases import FakeCases
from tests.campaigns._llm_judge import Case, Tally, figures, play
from tests.campaigns._llmock_cases import LlmockCases, limit
from tests.fakes.openrouter import FakeOpenRouter

DEFAULT_SIZE = 1000
AT_ONCE = 12
DEADLINES = Deadlines(first_token_s=2.0, between_chunks_s=1.0, total_s=20.0)
QUOTA_CALLS = 8


async def run(*, seed: int, size: int, store: str) -> Mapping[str, object]:
    """Make `size` calls; the figures are named in the campaign's module docstring."""
    rng, tally = Random(seed), Tally()  # noqa: S311 - repeatable on purpose
    quota = min(QUOTA_CALLS, size // 10)
    with LLMockServer() as server:
        requests = await _against_llmock(server, rng, size // 2 - quota, tally)
        requests += await _against_quota(server, rng, quota, tally)
    requests += await _against_fake(rng, size - size // 2, tally)
    return figures(tally, requests)


async def _against_llmock(
    server: LLMockServer, rng: Random, size: int, tally: Tally
) -> Counter[str]:
    source = LlmockCases(server, rng)
    llm = OpenRouterLLM(Endpoint(server.base_url("openai"), "key"), deadlines=DEADLINES)
    await play(source.beyond_quota(0), llm, Tally())  # wakes the server: the first answer is slow
    cases = [source.case(number) for number in range(size)]
    await _play_all(cases, llm, tally)
    await llm.aclose()
    requests = await asyncio.to_thread(source.requests)
    source.verdict({case.model: case for case in cases}, tally)
    return requests


async def _against_quota(
    server: LLMockServer, rng: Random, size: int, tally: Tally
) -> Counter[str]:
    """Twice as many calls as the quota allows: the rest must fail, and without a storm."""
    server.state.reset()
    limit(server, rpm=max(1, size // 2))
    source = LlmockCases(server, rng)
    cases = [source.beyond_quota(number) for number in range(size)]
    llm = OpenRouterLLM(Endpoint(server.base_url("openai"), "key"), deadlines=DEADLINES)
    await _play_all(cases, llm, tally)
    await llm.aclose()
    return await asyncio.to_thread(source.requests)


async def _against_fake(rng: Random, size: int, tally: Tally) -> Counter[str]:
    async with FakeOpenRouter() as server:
        source = FakeCases(server, rng)
        cases = [source.case(number) for number in range(size)]
        llm = OpenRouterLLM(server.endpoint, deadlines=DEADLINES)
        await _play_all(cases, llm, tally)
        await llm.aclose()
        return Counter(seen.body["model"] for seen in server.requests)


async def _play_all(cases: list[Case], llm: OpenRouterLLM, tally: Tally) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> None:
        async with free:
            await play(case, llm, tally)

    await asyncio.gather(*(one(case) for case in cases))
