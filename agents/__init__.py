"""The pipeline: from a sentence to a checked, running web app.

It runs with no Slack, no database and no network. The names below are its public surface; each is
imported from its home when first used, so that importing one part loads no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.code_generation import generate_code as generate_code
    from agents.error_fixer import fix_errors as fix_errors
    from agents.framework_selector import select_framework as select_framework
    from agents.logger import create_logger as create_logger
    from agents.models import MODEL_CONFIGS as MODEL_CONFIGS
    from agents.models import get_model as get_model
    from agents.prompts import get_framework_prompt as get_framework_prompt
    from agents.retry import retry_on_rate_limit as retry_on_rate_limit
    from agents.retry import retry_on_sandbox_lost as retry_on_sandbox_lost
    from agents.retry import retry_on_transient as retry_on_transient
    from agents.retry import with_retry as with_retry
    from agents.sandbox.manager import SandboxManager as SandboxManager
    from agents.tools import create_tools as create_tools
    from agents.validation import run_validation as run_validation

_HOMES = {
    "MODEL_CONFIGS": "agents.models",
    "SandboxManager": "agents.sandbox.manager",
    "create_logger": "agents.logger",
    "create_tools": "agents.tools",
    "fix_errors": "agents.error_fixer",
    "generate_code": "agents.code_generation",
    "get_framework_prompt": "agents.prompts",
    "get_model": "agents.models",
    "retry_on_rate_limit": "agents.retry",
    "retry_on_sandbox_lost": "agents.retry",
    "retry_on_transient": "agents.retry",
    "run_validation": "agents.validation",
    "select_framework": "agents.framework_selector",
    "with_retry": "agents.retry",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
