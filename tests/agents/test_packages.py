"""The package gate: names that exist, are old enough and are not somebody else's misspelled."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import ProviderTimeout, ProviderUnavailable
from agents.packages import (
    PackageGate,
    as_manifest,
    declared,
    foreign_sources,
    is_manifest,
    near_miss,
    wanted_packages,
)
from agents.packages.names import popular_names
from agents.publications import Publication
from agents.templates import get_template
from agents.testing import FakeClock
from agents.types import Framework

CLOCK = FakeClock()
OLD = Publication(CLOCK.now() - timedelta(days=400))


class ListedRegistry:
    """Knows what its list says; an exception in it is raised."""

    def __init__(self, known: Mapping[str, Publication | Exception]) -> None:
        self._known = known
        self.asked: list[str] = []

    async def published(self, name: str) -> Publication | None:
        self.asked.append(name)
        found = self._known.get(name)
        if isinstance(found, Exception):
            raise found
        return found


async def refusal(name: str, known: Mapping[str, Publication | Exception] | None = None) -> str:
    refused = await PackageGate(ListedRegistry(known or {}), CLOCK).refusals([name])
    return refused.get(name, "")


# --- the gate --------------------------------------------------------------------------------


async def test_a_popular_package_is_let_through_unasked() -> None:
    registry = ListedRegistry({})
    gate = PackageGate(registry, CLOCK)
    assert await gate.refusals(["react", "@radix-ui/react-dialog", "chart.js"]) == {}
    assert registry.asked == []


async def test_an_unknown_package_is_let_through_once_it_was_found() -> None:
    registry = ListedRegistry({"tiny-bike-bell": OLD})
    gate = PackageGate(registry, CLOCK)
    assert await gate.refusals(["tiny-bike-bell"]) == {}
    assert await gate.refusals(["tiny-bike-bell"]) == {}
    assert registry.asked == ["tiny-bike-bell"]


async def test_a_package_that_does_not_exist_is_refused_with_what_may_have_been_meant() -> None:
    assert "There is no package zq-nowhere." in await refusal("zq-nowhere")
    assert "Did you mean react-markdown?" in await refusal("reactor-markdown")


@pytest.mark.parametrize(("hours", "trusted"), [(1, False), (23.9, False), (24.1, True)])
async def test_a_package_must_be_older_than_a_day(hours: float, trusted: bool) -> None:
    since = CLOCK.now() - timedelta(hours=hours)
    why = await refusal("tiny-bike-bell", {"tiny-bike-bell": Publication(since)})
    assert ("less than a day ago" not in why) is trusted


async def test_a_registry_without_dates_is_believed() -> None:
    assert await refusal("tiny-bike-bell", {"tiny-bike-bell": Publication(None)}) == ""


@pytest.mark.parametrize("error", [ProviderTimeout("late"), ProviderUnavailable("503")])
async def test_where_the_registry_is_silent_only_known_packages_are_let_through(
    error: Exception,
) -> None:
    assert "does not answer" in await refusal("tiny-bike-bell", {"tiny-bike-bell": error})
    assert await refusal("react", {"react": error}) == ""


async def test_what_was_refused_for_silence_is_asked_again() -> None:
    registry = ListedRegistry({"tiny-bike-bell": ProviderUnavailable("503")})
    gate = PackageGate(registry, CLOCK)
    await gate.refusals(["tiny-bike-bell"])
    await gate.refusals(["tiny-bike-bell"])
    assert len(registry.asked) == 2


@pytest.mark.parametrize(
    "found",
    [
        Publication(CLOCK.now() - timedelta(days=364)),
        *(Publication(None), ProviderUnavailable("503"), None),
    ],
)
async def test_a_misspelling_is_refused_unless_it_is_known_to_be_a_year_old(
    found: Publication | Exception | None,
) -> None:
    known = {} if found is None else {"axois": found}
    assert "misspelling of axios" in await refusal("axois", known)
    assert "misspelling of axios" in str(await PackageGate(None, CLOCK).refusals(["axois"]))


@pytest.mark.parametrize("name", ["wouter", "split.js", "js-md5", "ng2-charts"])
async def test_a_package_of_many_years_may_look_like_a_popular_one(name: str) -> None:
    assert near_miss(name) is not None
    assert await refusal(name, {name: OLD}) == ""


# --- misspellings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("axois", "axios"),
        ("lodahs", "lodash"),
        ("loadash", "lodash"),
        ("expres", "express"),
        ("react-domm", "react-dom"),
        ("reactdom", "react-dom"),
        ("react_dom", "react-dom"),
        ("react.dom", "react-dom"),
        ("reactjs", "react"),
        ("vue-js", "vue"),
        ("node-express", "express"),
        ("chartjs", "chart.js"),
        ("cross_env", "cross-env"),
        ("framermotion", "framer-motion"),
        ("types-react", "@types/react"),
        ("@type/node", "@types/node"),
        ("@angullar/core", "@angular/core"),
        ("@radix-uii/react-slot", "@radix-ui/react-slot"),
        ("@tanstak/react-something-new", "@tanstack/react-something-new"),
        ("tailwind-css", "tailwindcss"),
    ],
)
def test_a_name_that_is_one_slip_away_from_a_popular_one_is_a_near_miss(
    name: str, meant: str
) -> None:
    assert near_miss(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        *("preact", "vuex", "nuxt", "vite", "d3", "ms", "left-pad-for-bikes", "tiny-bike-bell"),
        *("@mycompany/react", "@mycompany/design", "bicycle", "ab", "x", "@a/b"),
    ],
)
def test_honest_names_are_no_near_misses(name: str) -> None:
    assert near_miss(name) is None


@pytest.mark.parametrize("framework", Framework)
def test_what_the_templates_are_made_of_is_popular(framework: Framework) -> None:
    assert wanted_packages(get_template(framework).files["package.json"]) <= popular_names()


@given(st.sampled_from(sorted(popular_names())))
def test_no_popular_name_is_a_near_miss(name: str) -> None:
    assert near_miss(name) is None


@given(st.text(max_size=40))
def test_any_text_may_be_judged_and_what_it_is_taken_for_is_no_miss_itself(name: str) -> None:
    meant = near_miss(name)
    assert meant is None or near_miss(meant) is None


# --- manifests -------------------------------------------------------------------------------

MANIFEST = """{
  "name": "bikes",
  "dependencies": {"react": "19.0.0", "fast": "npm:@real/faster@^2", "near": "file:../near"},
  "devDependencies": {"vite": "8.0.0", "theirs": "git+https://example.com/x.git"},
  "optionalDependencies": {"short": "someone/something"},
  "overrides": {"a": {"b": "npm:hidden@1"}}
}"""


def test_a_manifest_wants_what_npm_would_fetch_from_the_registry() -> None:
    assert wanted_packages(MANIFEST) == {"react", "@real/faster", "vite", "hidden"}


def test_what_comes_from_elsewhere_is_named() -> None:
    assert foreign_sources(MANIFEST) == {
        "theirs": "git+https://example.com/x.git",
        "short": "someone/something",
    }


@pytest.mark.parametrize(
    "spec",
    [
        *("git@github.com:a/b.git", "HTTPS://evil.example/x.zip", "GitHub:a/b", " a/b", "\ta/b"),
        *(" git+ssh://a/b", "a/b#main", "portal:../x", "npm:react@git+https://a/b", "user:x@y"),
        *("//evil.example/x", "jsr:@a/b", "1.0.0 || https://evil.example/x.zip"),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        lambda spec: {"dependencies": {"react": spec}},
        lambda spec: {"overrides": {"a@1": {"react": spec}}},
        lambda spec: {"resolutions": {"react": spec}},
        lambda spec: {"pnpm": {"overrides": {"react": spec}}},
    ],
)
def test_only_the_registry_and_the_app_itself_are_no_foreign_source(
    spec: str, where: Callable[[str], object]
) -> None:
    text = json.dumps(where(spec))
    assert list(foreign_sources(text).values()) == [spec.strip()]
    assert wanted_packages(text) == frozenset()


@pytest.mark.parametrize(
    "spec",
    [
        *("", "*", "latest", "1", "^1.2.3", "~1.2", ">=1.0.0 <2 || 3.x", "1.0.0 - 2.0.0"),
        *("1.2.3-beta.1+build.5", " ^1 ", "npm:react@^18", "NPM:react"),
    ],
)
def test_versions_ranges_and_tags_are_of_the_registry(spec: str) -> None:
    text = json.dumps({"dependencies": {"react": spec}, "overrides": {"react": "$react"}})
    assert foreign_sources(text) == {}
    assert wanted_packages(text) == {"react"}


@pytest.mark.parametrize("spec", ["file:./x.tgz", "./x.tgz", "../x", "link:x", "workspace:*"])
def test_what_the_app_holds_itself_is_fetched_from_nowhere(spec: str) -> None:
    text = json.dumps({"dependencies": {"near": spec}})
    assert foreign_sources(text) == {}
    assert wanted_packages(text) == frozenset()


def test_a_version_that_stands_in_the_catalog_is_of_the_registry() -> None:
    text = json.dumps({"dependencies": {"react": "catalog:", "vue": "catalog:vue3"}})
    assert foreign_sources(text) == {}
    assert wanted_packages(text) == {"react", "vue"}


@pytest.mark.parametrize("path", ["package.json", "packages/ui/package.json"])
def test_every_package_json_is_a_manifest_and_stays_as_it_is(path: str) -> None:
    assert is_manifest(path)
    assert as_manifest(path, MANIFEST.encode()) == MANIFEST.encode()


@pytest.mark.parametrize("path", ["src/package.json.ts", "a/pnpm-workspace.yaml", "tsconfig.json"])
def test_other_files_are_no_manifests(path: str) -> None:
    assert not is_manifest(path)


WORKSPACE = """\ufeff# ours
packages:
  - "apps/*"
catalog:
  react: ^19.0.0   # new
  'fast': npm:@real/faster@^2
catalogs:
  old:
    "react": 18.x
onlyBuiltDependencies: [esbuild]
"""


def test_of_a_pnpm_workspace_catalogs_and_overrides_are_read() -> None:
    manifest = as_manifest("pnpm-workspace.yaml", WORKSPACE.encode())
    assert foreign_sources(manifest) == {}
    assert wanted_packages(manifest) == {"@real/faster"}


@pytest.mark.parametrize(
    "lines",
    [
        *("catalog:\n  react: git+https://evil.example/x", "overrides:\n  a: github:b/c"),
        *("catalogs:\n  old:\n    'react': \"https://evil.example/x.zip\"",),
        *("catalog: {react: git+https://a/b}", "catalog:\n  react: >-\n    https://a/b"),
        *('"cat\\x61log":\n  react: git+https://a/b', "{catalog: {react: git+https://a/b}}"),
        *('"catalog":\n  react: "\\x67it+https://a/b"', "catalog:\n  react: a/b"),
        *("? catalog\n: {react: git+https://a/b}", "catalog: &x\n  react: a/b"),
    ],
)
def test_however_a_workspace_names_another_source_it_is_seen(lines: str) -> None:
    assert foreign_sources(as_manifest("pnpm-workspace.yaml", lines.encode()))


@given(st.binary(max_size=200))
def test_any_workspace_file_may_be_judged(content: bytes) -> None:
    assert foreign_sources(as_manifest("pnpm-workspace.yaml", content)) is not None


def test_declared_are_the_names_that_code_may_import() -> None:
    assert {"react", "fast", "near", "vite", "theirs", "bikes"} <= declared(MANIFEST)


@pytest.mark.parametrize("broken", ["", "[]", "{", '{"dependencies": 3}', "null", "\ufeff{}"])
def test_a_broken_manifest_wants_nothing(broken: str) -> None:
    assert wanted_packages(broken) == frozenset()
    assert foreign_sources(broken.encode()) == {}
