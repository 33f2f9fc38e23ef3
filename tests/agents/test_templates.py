"""Template definitions: read once, checked, and wrong ones named by file and key."""

import re
from pathlib import Path

import pytest

from agents.templates import TemplateError, get_template, load_template
from agents.types import Framework

GOOD = {
    "framework": '"react"',
    "title": '"React"',
    "stack": '"React 19"',
    "port": "5173",
    "install": '"npm install"',
    "lint": '"npm run lint"',
    "build": '"npm run build"',
    "preview": '"npm run preview"',
    "dev": '"npm run dev"',
    "entry": '["src/App.tsx"]',
    "ui": "[]",
    "start_page_marker": '"start"',
    "ignore": '["node_modules", "dist"]',
}
PORTS = {
    Framework.NEXTJS: 3000,
    Framework.REACT: 5173,
    Framework.VUE: 5173,
    Framework.ANGULAR: 4200,
    Framework.SVELTE: 5173,
}


def write(folder: Path, **changes: str | None) -> Path:
    """A template's folder; a change of None leaves the key out."""
    keys = {**GOOD, **changes}
    target = folder / "react"
    (target / "files" / "src").mkdir(parents=True)
    (target / "sample").mkdir()
    toml = "\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None)
    (target / "template.toml").write_text(toml)
    (target / "files" / "package.json").write_text("{}")
    (target / "files" / "src" / "App.tsx").write_text("start")
    return target


def test_a_template_holds_its_files_by_path(tmp_path: Path) -> None:
    template = load_template(write(tmp_path))
    assert template.files == {"package.json": b"{}", "src/App.tsx": b"start"}
    assert (template.framework, template.port) == (Framework.REACT, 5173)


def test_what_tools_left_in_the_files_is_no_part_of_the_template(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for junk in ("files/node_modules/x", "files/dist", "files/src/node_modules"):
        (folder / junk).mkdir(parents=True)
        (folder / junk / "junk.js").write_text("")
    assert set(load_template(folder).files) == {"package.json", "src/App.tsx"}


def test_the_sample_comes_in_its_order(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for name in ("a.ts", "b.ts", "c.ts"):
        (folder / "sample" / name).write_text(name)
    (folder / "sample" / "order.txt").write_text("c.ts\na.ts\nb.ts\n")
    template = load_template(folder)
    assert template.sample_order == ("c.ts", "a.ts", "b.ts")
    assert template.sample == {"a.ts": "a.ts", "b.ts": "b.ts", "c.ts": "c.ts"}


def test_a_sample_file_that_the_order_forgets_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "sample" / "a.ts").write_text("")
    (folder / "sample" / "order.txt").write_text("b.ts\n")
    with pytest.raises(TemplateError, match=r"order\.txt.*a\.ts, b\.ts"):
        load_template(folder)


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_key_is_named_with_its_file(tmp_path: Path, key: str) -> None:
    with pytest.raises(TemplateError, match=rf"template\.toml: {key}:"):
        load_template(write(tmp_path, **{key: None}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", '"5173"x'),
        ("port", "0"),
        ("entry", "[]"),
        ("framework", '"solid"'),
        ("framework", '"vue"'),
        ("ignore", '"dist"'),
        ("title", '""'),
        ("surprise", "1"),
    ],
)
def test_a_wrong_value_is_named_with_its_file(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(TemplateError, match=r"template\.toml: ") as caught:
        load_template(write(tmp_path, **{key: value}))
    assert key in str(caught.value) or "line" in str(caught.value)


def test_a_template_without_package_json_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "files" / "package.json").unlink()
    with pytest.raises(TemplateError, match=r"package\.json is missing"):
        load_template(folder)


def test_a_missing_definition_is_named(tmp_path: Path) -> None:
    (tmp_path / "vue").mkdir()
    with pytest.raises(TemplateError, match=r"vue/template\.toml"):
        load_template(tmp_path / "vue")


@pytest.mark.parametrize("framework", Framework)
def test_every_framework_has_its_template(framework: Framework) -> None:
    template = get_template(framework)
    assert template is get_template(framework)
    assert template.framework is framework
    assert template.port == PORTS[framework]
    assert set(template.entry) <= set(template.files)
    assert "node_modules" in template.ignore
    assert template.sample_order
    marker = template.start_page_marker.encode()
    assert any(marker in content for content in template.files.values())


@pytest.mark.parametrize("framework", Framework)
def test_no_class_is_named_in_the_samples_words_where_it_would_have_no_style(
    framework: Framework,
) -> None:
    words = next(text for path, text in get_template(framework).sample.items() if "data.ts" in path)
    assert not re.search(r"""["'](?:[\w:-]+ )*(?:bg|text|border|fill|size)-\w""", words)
