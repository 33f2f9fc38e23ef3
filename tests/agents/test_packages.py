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
    declared,
    find_undeclared,
    foreign_sources,
    near_miss,
    wanted_packages,
)
from agents.packages.imports import imported_packages
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


def test_declared_are_the_names_that_code_may_import() -> None:
    assert {"react", "fast", "near", "vite", "theirs", "bikes"} <= declared(MANIFEST)


@pytest.mark.parametrize("broken", ["", "[]", "{", '{"dependencies": 3}', "null", "\ufeff{}"])
def test_a_broken_manifest_wants_nothing(broken: str) -> None:
    assert wanted_packages(broken) == frozenset()
    assert foreign_sources(broken.encode()) == {}


# --- imports ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ('import React from "react";', "react"),
        ("import { a } from 'date-fns/format'", "date-fns"),
        ('import "@fontsource/inter/400.css";', "@fontsource/inter"),
        ('import type { Map } from "leaflet";', "leaflet"),
        ('export * from "zod";', "zod"),
        ('const x = require("ms");', "ms"),
        ("const Chart = lazy(() => import('recharts'));", "recharts"),
        ("import {\n  a,\n  b,\n} from 'many-lines';", "many-lines"),
        ("import*as d3 from'd3'", "d3"),
        ("const p = import(`three`);", "three"),
    ],
)
def test_an_import_is_found(line: str, package: str) -> None:
    assert list(imported_packages("src/a.tsx", line)) == [package]


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a";',
        'import a from "../a";',
        'import a from "/public/a.js";',
        'import fs from "node:fs";',
        'import { join } from "path";',
        'import { readFile } from "fs/promises";',
        'import a from "#internal";',
        'import a from "~/components/a";',
        'import { x } from "$lib/x";',
        'import { page } from "$app/state";',
        'import pwa from "virtual:pwa-register";',
        '// import a from "left-pad";',
        '/* import a from "left-pad"; */',
        "const text = 'import a from \"left-pad\"';",
        "const s = `import a from 'left-pad'`;",
        'obj.import("left-pad");',
        'const from = "left-pad";',
        '<p>Don\'t import. It is from "left-pad"</p>;',
        "import(`./pages/${name}`);",
        'const a = { from: "left-pad" };',
    ],
)
def test_what_is_no_import_of_a_package_is_not_found(line: str) -> None:
    found = list(imported_packages("src/a.tsx", line))
    assert found == ([] if "<p>" not in line else ["left-pad"])


def test_in_vue_and_svelte_only_scripts_are_read() -> None:
    text = '<script setup lang="ts">\nimport a from "pinia";\n</script>\n<p>import b from "x"</p>\n'
    assert list(imported_packages("src/App.vue", text)) == ["pinia"]
    assert list(imported_packages("src/App.svelte", text)) == ["pinia"]
    assert list(imported_packages("src/app.css", '@import "tailwindcss";')) == []


def test_undeclared_packages_are_named_with_the_files_that_import_them() -> None:
    sources = {
        "src/a.ts": 'import "zod";\nimport "react";\nimport "bikes";',
        "src/b.ts": 'import { z } from "zod/v4";\nimport type { Feature } from "geojson";',
    }
    manifest = '{"name": "bikes", "dependencies": {"react": "1", "@types/geojson": "1"}}'
    [only] = find_undeclared(sources, manifest)
    assert (only.package, only.files) == ("zod", ("src/a.ts", "src/b.ts"))


def test_path_aliases_are_no_packages() -> None:
    config = """{
      // aliases
      "compilerOptions": {"paths": {"@/*": ["./src/*"], "ui": ["./ui"], "*": ["./x/*"],},},
    }"""
    sources = {"a.ts": 'import "@/lib/x"; import "ui"; import "ui/x"; import "@app/y";'}
    found = find_undeclared(sources, "{}", [config, "not json"])
    assert [item.package for item in found] == ["@app/y", "ui"]


@pytest.mark.parametrize("framework", Framework)
def test_templates_and_samples_declare_all_they_import(framework: Framework) -> None:
    template = get_template(framework)
    files = {path: content.decode(errors="replace") for path, content in template.files.items()}
    configs = [text for path, text in files.items() if "tsconfig" in path]
    sources = files | dict(template.sample)
    assert find_undeclared(sources, files["package.json"], configs) == []


@given(st.text(max_size=200))
def test_any_source_may_be_read_and_what_a_manifest_declares_is_not_told(text: str) -> None:
    found = set(imported_packages("b.ts", text))
    manifest = json.dumps({"dependencies": dict.fromkeys(found, "1")})
    assert find_undeclared({"b.ts": text}, manifest, [text]) == []
    assert {item.package for item in find_undeclared({"b.ts": text}, text)} <= found
