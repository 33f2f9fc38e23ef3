"""Repositories of GitHub, as files: what is it, which commit, and its archive."""

import asyncio
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from urllib.parse import quote, urlsplit

from aiohttp.abc import AbstractResolver

from agents.errors import ImportDenied, SourceUnavailable
from agents.imports.archive import Caps, Unpacked, unpack
from agents.imports.fetch import Answer, Destinations, Download, GuardedClient, origin_of
from agents.imports.references import GitHubReference, check_ref, parse_reference
from agents.ports import Clock
from agents.retry import HTTP, with_retry
from agents.sources import Source

GITHUB_API: Final = "https://api.github.com"
PUBLIC: Final = Destinations(frozenset({"api.github.com", "codeload.github.com"}))
MAX_PACKED: Final = 100 * 1024 * 1024
DOWNLOAD_S: Final = 180.0
_IN_MEMORY: Final = 4 * 1024 * 1024
_REF_NAMES: Final = 6
"""Slashes in a branch's name, at most."""

_JSON: Final = "application/vnd.github+json"
_SHA: Final = "application/vnd.github.sha"


class GitHub:
    """Implements `agents.sources.Sources`; an async context manager.

    `api_url` other than GitHub's own is an operator's: it, and its `codeload.` beside it, are
    trusted as set. `token` is sent to the API only.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        api_url: str = GITHUB_API,
        token: str | None = None,
        caps: Caps | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._api = api_url.rstrip("/")
        self._token = token
        self._caps = caps
        self.host = web_host(self._api)
        self._client = GuardedClient(_destinations(self._api), resolver=resolver)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def fetch(self, reference: str) -> Source:
        wanted = parse_reference(reference, host=self.host)
        name, default = await self._about(wanted)
        repository = f"{self._api}/repos/{name}"
        ref, path, commit = await self._resolve(repository, wanted, default)
        found = await self._unpacked(f"{repository}/tarball/{commit}", path)
        if path and not found.is_found:
            raise ImportDenied(
                f"There is no folder {path} in {name} at {ref}.",
                hint="Folders' names count with capitals. The root is imported without a folder.",
            )
        return Source(
            origin=f"{self.host}/{name}",
            ref=ref,
            commit=commit,
            path=path,
            files=found.files,
            left_out=found.report,
            manifests=found.manifests,
            overflow=found.overflow,
        )

    async def _about(self, wanted: GitHubReference) -> tuple[str, str]:
        """The repository's name as GitHub spells it now, and its default branch."""
        asked = f"{wanted.owner}/{wanted.repo}"
        answer = await self._get(f"{self._api}/repos/{asked}", _JSON)
        if answer.status == 404:
            raise self._not_there(asked)
        about = self._json(answer)
        name, default = about.get("full_name"), about.get("default_branch")
        if not isinstance(name, str) or not isinstance(default, str):
            raise _not_github()
        again = parse_reference(name, host=self.host)
        check_ref(default)
        return f"{again.owner}/{again.repo}", default

    async def _resolve(
        self, repository: str, wanted: GitHubReference, default: str
    ) -> tuple[str, str, str]:
        """Ref, path and commit. Where a branch's name ends within the path, GitHub says.

        A branch `a` and a branch `a/b` cannot both exist, so the first that there is counts.
        """
        if wanted.ref is None:
            return default, wanted.path, await self._commit_of(repository, default, is_last=True)
        names = wanted.path.split("/") if wanted.is_open else []
        for taken in range(min(len(names), _REF_NAMES) + 1):
            ref = "/".join([wanted.ref, *names[:taken]])
            is_last = taken == min(len(names), _REF_NAMES)
            commit = await self._commit_of(repository, ref, is_last=is_last)
            if commit:
                path = "/".join(names[taken:]) if wanted.is_open else wanted.path
                return ref, path, commit
        raise _no_ref(wanted.ref)

    async def _commit_of(self, repository: str, ref: str, *, is_last: bool) -> str:
        """The commit a name stands for; "" for none, unless it is the `is_last` to be tried."""
        answer = await self._get(f"{repository}/commits/{quote(ref)}", _SHA)
        if answer.status in (404, 422):
            if is_last:
                raise _no_ref(ref)
            return ""
        if answer.status == 409:
            raise ImportDenied("That repository is empty.", hint="Push something to it first.")
        self._check(answer)
        commit = answer.body.decode(errors="replace").strip()
        if not 40 <= len(commit) <= 64 or not all(c in "0123456789abcdef" for c in commit):
            raise _not_github()
        return commit

    async def _unpacked(self, url: str, path: str) -> Unpacked:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            answer = await self._get(url, _JSON, Download(file, MAX_PACKED, DOWNLOAD_S))  # type: ignore[arg-type]
            if answer.status == 404:
                raise self._not_there("its archive")
            self._check(answer)
            return await asyncio.to_thread(
                unpack, _as_binary(file), path, self._clock.monotonic, self._caps
            )

    async def _get(self, url: str, accept: str, download: Download | None = None) -> Answer:
        """One answer, asked for up to three times. Raises: ImportDenied, SourceUnavailable."""
        headers = {
            "Accept": accept,
            "User-Agent": "zapdev",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        credentials = {"Authorization": f"Bearer {self._token}"} if self._token else {}

        async def ask() -> Answer:
            if download is not None:
                download.file.seek(0)
                download.file.truncate()
            answer = await self._client.get(
                url, headers=headers, credentials=credentials, download=download
            )
            if answer.status >= 500:
                raise SourceUnavailable(f"GitHub answers {answer.status}")
            return answer

        return await with_retry(HTTP, ask, clock=self._clock)

    def _json(self, answer: Answer) -> Mapping[str, Any]:
        self._check(answer)
        try:
            loaded = json.loads(answer.body)
        except (ValueError, RecursionError):
            loaded = None
        if not isinstance(loaded, dict):
            raise _not_github()
        return loaded

    def _check(self, answer: Answer) -> None:
        """Raises: ImportDenied for anything but a 200, in words of what to do."""
        match answer.status:
            case 200:
                return
            case 401:
                raise ImportDenied(
                    "GitHub does not accept the token that is set here.",
                    hint="Whoever runs Zapdev has to renew GITHUB_TOKEN.",
                )
            case 403 | 429 if _is_limited(answer):
                raise ImportDenied(
                    f"GitHub's limit of requests is reached{self._until(answer)}.",
                    hint="Try again then."
                    if self._token
                    else "Try again then; with GITHUB_TOKEN set, the limit is far higher.",
                )
            case 403:
                raise ImportDenied("GitHub does not allow reading that repository.")
            case 451:
                raise ImportDenied("GitHub has taken that repository down for legal reasons.")
            case _:
                raise _not_github()

    def _not_there(self, what: str) -> ImportDenied:
        hint = (
            "Check the spelling; a private one has to be open to the token that is set here."
            if self._token
            else "Check the spelling; private ones can be read once GITHUB_TOKEN is set."
        )
        return ImportDenied(f"GitHub shows no {what}.", hint=hint)

    def _until(self, answer: Answer) -> str:
        """When the limit ends, as far as GitHub says."""
        after = answer.headers.get("retry-after", "")
        reset = answer.headers.get("x-ratelimit-reset", "")
        if after.isdecimal() and len(after) < 6:
            at = self._clock.now().timestamp() + int(after)
        elif reset.isdecimal() and len(reset) < 12:
            at = int(reset)
        else:
            return ""
        return f" until {datetime.fromtimestamp(at, UTC):%H:%M} UTC"


def web_host(api_url: str) -> str:
    """The host whose addresses people paste: that of the API, without its `api.`."""
    host = urlsplit(api_url).hostname or "github.com"
    return host.removeprefix("api.")


def _destinations(api_url: str) -> Destinations:
    if api_url == GITHUB_API:
        return PUBLIC
    parts = urlsplit(api_url)
    port = f":{parts.port}" if parts.port else ""
    beside = f"{parts.scheme}://codeload.{parts.hostname}{port}"
    return Destinations(frozenset(), frozenset({origin_of(api_url), origin_of(beside)}))


def _as_binary(file: Any) -> BinaryIO:
    """A spooled file plays all of `BinaryIO` that is used; its type does not say so."""
    binary: BinaryIO = file
    return binary


def _is_limited(answer: Answer) -> bool:
    said = answer.headers
    return answer.status == 429 or said.get("x-ratelimit-remaining") == "0" or "retry-after" in said


def _no_ref(ref: str) -> ImportDenied:
    return ImportDenied(
        f"That repository has no branch, tag or commit called {ref}.",
        hint="Leave it out to take the default branch.",
    )


def _not_github() -> ImportDenied:
    return ImportDenied(
        "The answer is not one that GitHub gives.",
        hint="Whoever runs Zapdev can check GITHUB_API_URL.",
    )
