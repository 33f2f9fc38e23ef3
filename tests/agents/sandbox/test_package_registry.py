"""What a registry on loopback says about packages, asked as npm is configured."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from agents.errors import ProviderError, ProviderTimeout, ProviderUnavailable, SandboxUnavailable
from agents.publications import Publication
from agents.sandbox.package_registry import NpmRegistry
from agents.sandbox.toolchain import Registry
from tests.fakes.pages import Handler, Site, serving_pages

CREATED = "2019-03-01T10:00:00.000Z"
BORN = Publication(datetime(2019, 3, 1, 10, tzinfo=UTC))
VERSIONS = {"1.0.0": {"dist": {"tarball": "x"}, "time": {"created": "1999-01-01"}}}


def document(time: object) -> str:
    return json.dumps({"name": "bell", "versions": VERSIONS, "time": time})


@asynccontextmanager
async def asking(
    pages: dict[str, str | Handler], *, path: str = "", answer_s: float = 5
) -> AsyncIterator[tuple[NpmRegistry, Site]]:
    async with serving_pages(pages) as site:

        async def find() -> Registry:
            return Registry(site.url + path, None, None)

        yield NpmRegistry(find, answer_s=answer_s), site


async def test_a_package_is_as_old_as_its_first_version() -> None:
    time = {"created": CREATED, "modified": "2026-01-01T00:00:00.000Z", "1.0.0": CREATED}
    async with asking({"/bell": document(time)}) as (registry, _):
        assert await registry.published("bell") == BORN


async def test_a_name_with_a_scope_is_asked_for_below_the_registrys_own_path() -> None:
    pages: dict[str, str | Handler] = {"/npm/all/@bikes/bell": document({"created": CREATED})}
    async with asking(pages, path="npm/all/") as (registry, _):
        assert await registry.published("@bikes/bell") == BORN


async def test_what_is_not_there_is_none() -> None:
    async with asking({}) as (registry, _):
        assert await registry.published("bell") is None


@pytest.mark.parametrize("time", [None, {}, {"modified": CREATED}])
async def test_a_registry_may_know_no_dates(time: object) -> None:
    async with asking({"/bell": document(time)}) as (registry, _):
        assert await registry.published("bell") == Publication(None)


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "null", document({"created": "soon"}), document({"created": 3}), ""]
)
async def test_an_answer_that_makes_no_sense_is_no_answer(body: str) -> None:
    async with asking({"/bell": body}) as (registry, _):
        with pytest.raises(ProviderUnavailable):
            await registry.published("bell")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_registry_that_refuses_does_not_answer(status: int) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with asking({"/bell": refuse}) as (registry, _):
        with pytest.raises(ProviderUnavailable):
            await registry.published("bell")


async def test_a_registry_that_hangs_is_given_up_in_time() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with asking({"/bell": hang}, answer_s=0.1) as (registry, _):
        with pytest.raises(ProviderTimeout):
            await registry.published("bell")


async def test_nothing_listens() -> None:
    async with serving_pages({}) as site:
        gone = Registry(site.url, None, None)

    async def find() -> Registry:
        return gone

    with pytest.raises(ProviderUnavailable):
        await NpmRegistry(find).published("bell")


async def test_where_npm_names_no_registry_nothing_can_be_looked_up() -> None:
    async def find() -> Registry:
        raise SandboxUnavailable("npm does not start")

    with pytest.raises(ProviderError):
        await NpmRegistry(find).published("bell")
