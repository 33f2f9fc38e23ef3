"""Secrets that were left in a repository: what they look like, and the text without them. Pure.

Only what is certainly a secret counts, since what is taken out may be missed: the shapes of the
scrubber's tokens with a digit in them, and private keys. Names such as `token: string` are code.
"""

import re
from typing import Final

from agents.scrubber import CERTAIN_SECRETS, MARKER

MAX_SCANNED: Final = 2 * 1024 * 1024
"""Bytes; no person writes a longer file by hand."""

_KEY_FILES: Final = re.compile(
    r"(?:.*\.(?:p12|pfx|jks|keystore|kdbx)|id_(?:rsa|dsa|ecdsa|ed25519)|\.pypirc|\.htpasswd"
    r"|\.dockercfg|\.git-credentials|credentials|service-?account.*\.json)",
    re.IGNORECASE,
)
_DIGIT: Final = re.compile(r"\d")
_LOCKS: Final = frozenset(
    {"package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "npm-shrinkwrap.json"}
)
_HARMLESS: Final = re.compile(
    r"\s*(?:legacy-peer-deps|strict-peer-dep(?:endencie)?s|auto-install-peers|engine-strict|save-exact"
    r"|shamefully-hoist|(?:public-)?hoist(?:-pattern(?:\[\])?)?|node-linker|resolution-mode"
    r"|link-workspace-packages|prefer-workspace-packages|loglevel|fund|audit|progress)"
    r"\s*=\s*[\w*@/.-]*\s*"
)
_WORKSPACE_KEY: Final = re.compile(
    r"(?:packages|catalogs?|overrides|packageExtensions|peerDependencyRules|patchedDependencies"
    r"|nodeLinker|shamefullyHoist|hoist(?:Pattern)?|publicHoistPattern|autoInstallPeers"
    r"|strictPeerDependencies|linkWorkspacePackages|preferWorkspacePackages|resolutionMode"
    r"|(?:only|ignored)BuiltDependencies|ignoredOptionalDependencies|engineStrict):(?: .*)?"
)


def is_key_file(path: str) -> bool:
    """Whether a file's name says that it holds nothing but secrets."""
    return _KEY_FILES.fullmatch(path.rpartition("/")[2]) is not None


def without_secrets(path: str, content: bytes) -> tuple[bytes, int]:
    """The file with `[redacted]` in the place of each secret, and how many there were.

    What is no text, and the hashes of a lock file, stay as they are.
    """
    if len(content) > MAX_SCANNED or path.rpartition("/")[2] in _LOCKS:
        return content, 0
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content, 0
    found = {match[0] for match in CERTAIN_SECRETS.finditer(text) if _DIGIT.search(match[0])}
    for secret in found:
        text = text.replace(secret, MARKER)
    return (text.encode(), len(found)) if found else (content, 0)


def harmless_settings(content: bytes) -> bytes:
    """The lines of an `.npmrc` that only say how packages are laid out; none that could hold a
    secret, name another registry, or run a program.
    """
    lines = content.decode(errors="replace").splitlines()
    kept = [line.strip() for line in lines if _HARMLESS.fullmatch(line)]
    return "".join(f"{line}\n" for line in kept).encode()


def harmless_workspace(content: bytes) -> bytes:
    """A `pnpm-workspace.yaml` with only those of its settings that name packages or lay them out.

    None that runs a program while packages are installed, or fetches one to be run.
    """
    lines = content.decode(errors="replace").removeprefix("\ufeff").splitlines()
    kept, is_kept = [], False
    for line in lines:
        if line[:1] not in ("", " ", "#", "-") or line.startswith("---"):
            is_kept = _WORKSPACE_KEY.fullmatch(line) is not None
        if is_kept:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept).encode()
