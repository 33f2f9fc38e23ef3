"""How much of its budget a run has used."""

from agents.errors import LimitExceeded
from agents.ports import Budget
from agents.types import Usage


class Spending:
    """Counts model requests, tokens and dollars of one task, earlier attempts included."""

    def __init__(self, budget: Budget, *, usage: Usage, requests: int) -> None:
        self._budget = budget
        self.usage = usage
        self.requests = requests

    def add(self, usage: Usage) -> None:
        """Count what a completion cost."""
        self.usage += usage

    def open_request(self) -> None:
        """Call before each step of the agent. Raises: LimitExceeded when a budget has ended."""
        budget = self._budget
        tokens = self.usage.prompt_tokens + self.usage.completion_tokens
        if self.requests >= budget.steps:
            raise LimitExceeded(f"The limit of {budget.steps} steps per task is reached.")
        if tokens >= budget.tokens:
            raise LimitExceeded(f"The limit of {budget.tokens:,} tokens per task is reached.")
        if self.usage.cost_usd >= budget.cost_usd:
            raise LimitExceeded(f"The limit of ${budget.cost_usd:.2f} per task is reached.")
        self.requests += 1
