"""A stand-in for GitHub on loopback: repositories, refs, archives, and what it refuses.

    async with FakeGitHub() as github:
        github.add("acme/shop", {"package.json": "{}"}, private=True)
        source = await github.client(token=github.token).fetch("acme/shop")

What it enforces: a `User-Agent`; 404 for what a caller may not see; 422 for a ref that is not
there, 409 for an empty repository; a limit of requests per hour when one is set; archives are
redirected to `codeload.`, which takes no `Authorization` and wants the redirect's own token for
private ones. `seen` has every request.
"""

import asyncio
import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from agents.imports.archive import Caps
from agents.imports.github import GitHub
from agents.ports import Clock
from agents.system import SystemClock

Files = Mapping[str, str | bytes]
RESET = 1_767_229_200
"""When the hour of the limit ends: 2026-01-01 01:00 UTC."""


def archive_of(files: Files, root: str = "acme-shop-0000000", *, commit: str = "") -> bytes:
    """A `.tar.gz` as GitHub makes it: one folder, a global header with the commit."""
    out = io.BytesIO()
    headers = {"comment": commit} if commit else {}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        folder = tarfile.TarInfo(root)
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(f"{root}/{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


@dataclass
class Repository:
    """`refs` are files by the name of a branch or tag; the first one is the default."""

    name: str
    refs: dict[str, Files]
    private: bool = False
    archive: bytes | None = None
    """What is sent instead of a proper archive."""
    moved_from: str = ""

    def commit(self, ref: str) -> str | None:
        """The commit behind a name, a full id or the beginning of one."""
        for name in self.refs:
            found = hashlib.sha1(f"{self.name}@{name}".encode()).hexdigest()  # noqa: S324
            if ref == name or (len(ref) >= 7 and found.startswith(ref)):
                return found
        return None

    def files(self, commit: str) -> Files:
        return next(files for ref, files in self.refs.items() if self.commit(ref) == commit)


@dataclass(frozen=True)
class Asked:
    """A request: its host's first name, its path, and who it says it is."""

    host: str
    path: str
    authorization: str | None


class Local(AbstractResolver):
    """Every name is this machine."""

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)
        ]

    @override
    async def close(self) -> None:
        """Hold nothing."""


@dataclass
class FakeGitHub:
    """A server; an async context manager.

    `limit` is how many requests are left in this hour; `failures` answers so many with a 502;
    `hang_s` is how long an archive takes to begin. With `apart` archives come from `codeload.`,
    for clients whose resolver knows it; else from the same host, as a company's server has it.
    """

    token: str = "ghp_0123456789abcdefghijABCDEFGHIJ"
    apart: bool = True
    limit: int | None = None
    failures: int = 0
    hang_s: float = 0.0
    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)

    def add(
        self,
        name: str,
        files: Files | None = None,
        *,
        private: bool = False,
        others: Mapping[str, Files] = MappingProxyType({}),
    ) -> Repository:
        """A repository with a branch `main`, and these others."""
        branches = {} if files is None else {"main": files, **others}
        repository = Repository(name, branches, private)
        self.repositories[name.lower()] = repository
        return repository

    def client(
        self, *, token: str | None = None, clock: Clock | None = None, caps: Caps | None = None
    ) -> GitHub:
        """Our client, for this server."""
        return GitHub(
            clock or SystemClock(), api_url=self.url, token=token, caps=caps, resolver=Local()
        )

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/repos/{owner}/{repo}", self._about)
        app.router.add_get("/repositories/{name:.+}", self._moved)
        app.router.add_get("/repos/{owner}/{repo}/commits/{ref:.+}", self._commit)
        app.router.add_get("/repos/{owner}/{repo}/tarball/{ref:.+}", self._tarball)
        app.router.add_get("/{owner}/{repo}/legacy.tar.gz/{commit}", self._codeload)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{'localhost' if self.apart else '127.0.0.1'}:{self._port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    # --- the API ---------------------------------------------------------------------------

    def _find(self, request: web.Request) -> Repository:
        """The repository, if the caller may see it; otherwise the refusal is raised."""
        authorization = request.headers.get("Authorization")
        self.seen.append(Asked(request.host.split(":")[0], request.path, authorization))
        if not request.headers.get("User-Agent"):
            raise web.HTTPForbidden(
                text='{"message": "Request forbidden by administrative rules."}'
            )
        if self.failures > 0:
            self.failures -= 1
            raise web.HTTPBadGateway
        if authorization is not None and authorization != f"Bearer {self.token}":
            raise web.HTTPUnauthorized(text='{"message": "Bad credentials"}')
        if self.limit is not None:
            self.limit -= 1
            if self.limit < 0:
                limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(RESET)}
                raise web.HTTPForbidden(text='{"message": "rate limit"}', headers=limits)
        name = f"{request.match_info['owner']}/{request.match_info['repo']}".lower()
        for found in self.repositories.values():
            if found.moved_from == name:
                raise web.HTTPMovedPermanently(f"{self.url}/repositories/{found.name}")
        repository = self.repositories.get(name)
        if repository is None or (repository.private and authorization is None):
            raise web.HTTPNotFound(text='{"message": "Not Found"}')
        return repository

    async def _about(self, request: web.Request) -> web.Response:
        return self._describe(self._find(request))

    async def _moved(self, request: web.Request) -> web.Response:
        return self._describe(self.repositories[request.match_info["name"].lower()])

    def _describe(self, repository: Repository) -> web.Response:
        default = next(iter(repository.refs), "main")
        about = {"full_name": repository.name, "default_branch": default, "size": 12}
        return web.json_response(about)

    async def _commit(self, request: web.Request) -> web.Response:
        repository = self._find(request)
        if not repository.refs:
            return web.json_response({"message": "Git Repository is empty."}, status=409)
        commit = repository.commit(request.match_info["ref"])
        if commit is None:
            return web.json_response({"message": "No commit found for SHA"}, status=422)
        assert request.headers["Accept"] == "application/vnd.github.sha"
        return web.Response(text=commit)

    async def _tarball(self, request: web.Request) -> web.Response:
        repository = self._find(request)
        commit = repository.commit(request.match_info["ref"])
        host = f"codeload.localhost:{self._port}" if self.apart else f"127.0.0.1:{self._port}"
        query = "?token=once" if repository.private else ""
        where = f"http://{host}/{repository.name}/legacy.tar.gz/{commit}{query}"
        return web.Response(status=302, headers={"Location": where})

    async def _codeload(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization")
        self.seen.append(Asked(request.host.split(":")[0], request.path, authorization))
        name = f"{request.match_info['owner']}/{request.match_info['repo']}".lower()
        repository = self.repositories[name]
        if repository.private and request.query.get("token") != "once":
            raise web.HTTPNotFound
        await asyncio.sleep(self.hang_s)
        commit = request.match_info["commit"]
        root = f"{repository.name.replace('/', '-')}-{commit[:7]}"
        files = repository.files(commit)
        data = repository.archive or archive_of(files, root, commit=commit)
        return web.Response(body=data, content_type="application/x-gzip")
