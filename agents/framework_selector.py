"""Which framework an app is built with, and why."""

import re

from agents.completion import MODEL_CALL, complete
from agents.errors import GenerationError, ProviderError
from agents.models import ModelConfig
from agents.ports import LLMRequest, Message
from agents.prompts import get_selection_prompt
from agents.run import Run, SpendingListener
from agents.types import Framework

DEFAULT = Framework.NEXTJS

_NAMED = {
    Framework.NEXTJS: r"next(?:\.?js)?(?: app)?",
    Framework.REACT: r"react(?:\.?js)?",
    Framework.VUE: r"vue(?:\.?js)?",
    Framework.ANGULAR: r"angular",
    Framework.SVELTE: r"svelte(?:kit)?",
}
_UNMISTAKABLE = {
    framework: re.compile(
        rf"\b(?:in|with|using|use|as an?|a|an)\s+{name}\b(?!\s+(?:step|to|week|month|day|year|time|door))",
        re.IGNORECASE,
    )
    for framework, name in _NAMED.items()
}


def framework_named_in(prompt: str) -> Framework | None:
    """The one framework a person names ("… in Vue"); None for none or for several."""
    named = [f for f, pattern in _UNMISTAKABLE.items() if pattern.search(prompt)]
    if Framework.NEXTJS in named and not re.search(r"next\.?js|next app", prompt, re.IGNORECASE):
        named.remove(Framework.NEXTJS)
    return named[0] if len(named) == 1 else None


async def select_framework(run: Run, model: ModelConfig) -> tuple[Framework, str]:
    """Ask a cheap model for one word; anything unclear is Next.js. Never raises for its answer.

    Returns: the framework, and the reason a person reads.
    """
    request = LLMRequest(
        purpose="select",
        model=model.id,
        messages=(Message("system", get_selection_prompt()), Message("user", run.job.prompt)),
        temperature=model.temperature,
        max_tokens=model.max_tokens,
    )
    listener = SpendingListener(run, model.id, billable=True)
    policy = MODEL_CALL.with_attempts(2)
    try:
        answer = await complete(run.kit.llm, request, listener, clock=run.kit.clock, policy=policy)
    except (ProviderError, GenerationError):
        return DEFAULT, "The choice could not be asked for, so the default is used"
    word = re.sub(r"[^a-z]", "", answer.text.strip().lower())
    if word in set(Framework):
        return Framework(word), "Chosen for this request"
    return DEFAULT, "No framework stood out, so the default is used"
