"""A title, a short summary and next steps, asked for while the checks run."""

from agents import events as e
from agents.completion import MODEL_CALL, complete
from agents.errors import GenerationError, ProviderError
from agents.models import ModelConfig
from agents.ports import LLMRequest, Message
from agents.prompts import extract_summary, get_summary_prompt, parse_summary, wrap_data
from agents.run import Run, SpendingListener

TITLE_LIMIT = 60


async def summarize(run: Run, model: ModelConfig, text: str) -> e.SummaryWritten:
    """Describe what was built. A model that cannot is replaced by the person's own words."""
    fallback = e.SummaryWritten(title=title_from(run.wish), summary=extract_summary(text))
    request_text = wrap_data(run.wish, kind="request", origin="the person")
    done = wrap_data(text[-6_000:], kind="report", origin="what was done")
    request = LLMRequest(
        purpose="summarize",
        model=model.id,
        messages=(
            Message("system", get_summary_prompt()),
            Message("user", f"{request_text}\n\n{done}"),
        ),
        temperature=model.temperature,
        max_tokens=400,
    )
    try:
        completion = await complete(
            run.kit.llm,
            request,
            SpendingListener(run, model.id, billable=True),
            clock=run.kit.clock,
            policy=MODEL_CALL.with_attempts(2),
        )
    except (ProviderError, GenerationError):
        return fallback
    parsed = parse_summary(completion.text)
    if parsed is None:
        return fallback
    return e.SummaryWritten(
        title=title_from(parsed.title or run.wish),
        summary=fallback.summary or parsed.summary,
        suggestions=tuple(s.strip()[:120] for s in parsed.suggestions if s.strip())[:3],
    )


def title_from(words: str) -> str:
    """At most 60 characters on one line, cut between words where possible."""
    line = " ".join(words.split())
    if len(line) <= TITLE_LIMIT:
        return line
    cut = line[: TITLE_LIMIT - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[20:] else cut).rstrip(" ,.;:") + "…"
