"""Imports that nothing declares: found in any source, and never what an app aliases itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.packages import find_undeclared, is_alias_file
from agents.packages.imports import imported_packages
from agents.templates import get_template
from agents.types import Framework


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
    [only] = find_undeclared(sources, [manifest])
    assert (only.package, only.files) == ("zod", ("src/a.ts", "src/b.ts"))


def test_path_aliases_are_no_packages() -> None:
    config = """{
      // aliases
      "compilerOptions": {"paths": {"@/*": ["./src/*"], "ui": ["./ui"], "*": ["./x/*"],},},
    }"""
    sources = {"a.ts": 'import "@/lib/x"; import "ui"; import "ui/x"; import "@app/y";'}
    found = find_undeclared(sources, ["{}"], [config, "not json"])
    assert [item.package for item in found] == ["@app/y", "ui"]


@pytest.mark.parametrize(
    "config",
    [
        "export default { resolve: { alias: { '@': fileURLToPath(new URL('./src', u)), ui: x } } }",
        'resolve: { alias: [{ find: "@", replacement: "/src" }, { find: "ui", replacement: r }] }',
        "kit: { alias: { '@/*': 'src/*', 'ui': 'src/ui' } }",
        '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}',
        '{"compilerOptions": {"baseUrl": "./src/", "paths": {"@/*": ["src/*"]}}}',
    ],
)
def test_aliases_of_bundlers_and_what_lies_below_a_base_url_are_no_packages(config: str) -> None:
    paths = ["ui/button.tsx", "src/ui/button.tsx", "src/main.ts"]
    sources = {"a.ts": 'import "@/lib/x"; import "ui/button"; import "@app/y"; import "left-pad";'}
    found = find_undeclared(sources, ["{}"], [config], paths)
    assert [item.package for item in found] == ["@app/y", "left-pad"]


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        *(("tsconfig.json", True), ("apps/web/tsconfig.app.json", True), ("vite.config.ts", True)),
        *(("svelte.config.js", True), ("jsconfig.json", True), ("vite.config.mts", True)),
        *(("src/tsconfig.ts", False), ("package.json", False), ("myvite.config.ts", False)),
    ],
)
def test_aliases_stand_in_known_files(path: str, is_one: bool) -> None:
    assert is_alias_file(path) is is_one


def test_what_any_manifest_of_a_workspace_declares_is_declared() -> None:
    manifests = ['{"dependencies": {"a": "1"}}', '{"name": "@acme/ui", "dependencies": {"b": "1"}}']
    sources = {"a.ts": 'import "a"; import "b"; import "@acme/ui/x"; import "c";'}
    assert [item.package for item in find_undeclared(sources, manifests)] == ["c"]


@pytest.mark.parametrize("framework", Framework)
def test_templates_and_samples_declare_all_they_import(framework: Framework) -> None:
    template = get_template(framework)
    files = {path: content.decode(errors="replace") for path, content in template.files.items()}
    configs = [text for path, text in files.items() if "tsconfig" in path]
    sources = files | dict(template.sample)
    assert find_undeclared(sources, [files["package.json"]], configs) == []


@given(st.text(max_size=200))
def test_any_source_may_be_read_and_what_a_manifest_declares_is_not_told(text: str) -> None:
    found = set(imported_packages("b.ts", text))
    manifest = json.dumps({"dependencies": dict.fromkeys(found, "1")})
    assert find_undeclared({"b.ts": text}, [manifest], [text]) == []
    assert {item.package for item in find_undeclared({"b.ts": text}, [text])} <= found
