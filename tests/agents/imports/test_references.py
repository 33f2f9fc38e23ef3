import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import BadRequest
from agents.imports.references import GitHubReference, parse_reference

AT_MAIN = GitHubReference("acme", "shop", "main")
WEB = GitHubReference("acme", "shop", "main", "apps/web", is_open=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme/shop", GitHubReference("acme", "shop")),
        (" acme/shop \n", GitHubReference("acme", "shop")),
        ("acme/shop.git", GitHubReference("acme", "shop")),
        ("acme/shop/", GitHubReference("acme", "shop")),
        ("acme/next.js", GitHubReference("acme", "next.js")),
        ("acme/.github", GitHubReference("acme", ".github")),
        ("acme/shop@main", AT_MAIN),
        ("acme/shop#main", AT_MAIN),
        ("github:acme/shop#main", AT_MAIN),
        ("acme/shop@v1.2.3", GitHubReference("acme", "shop", "v1.2.3")),
        ("acme/shop/apps/web", GitHubReference("acme", "shop", path="apps/web")),
        (
            "acme/shop/packages/@acme/web",
            GitHubReference("acme", "shop", path="packages/@acme/web"),
        ),
        ("acme/shop@main/apps/web", WEB),
        ("https://github.com/acme/shop", GitHubReference("acme", "shop")),
        ("<https://github.com/acme/shop>", GitHubReference("acme", "shop")),
        ("http://www.github.com/acme/shop/", GitHubReference("acme", "shop")),
        ("github.com/acme/shop", GitHubReference("acme", "shop")),
        ("GitHub.com/acme/shop", GitHubReference("acme", "shop")),
        ("https://github.com/acme/shop.git", GitHubReference("acme", "shop")),
        ("git+https://github.com/acme/shop.git", GitHubReference("acme", "shop")),
        ("git@github.com:acme/shop.git", GitHubReference("acme", "shop")),
        ("ssh://git@github.com/acme/shop.git", GitHubReference("acme", "shop")),
        ("https://github.com/acme/shop?tab=readme#install", GitHubReference("acme", "shop")),
        ("https://github.com/acme/shop/tree/main", AT_MAIN),
        ("https://github.com/acme/shop/tree/main/apps/web", WEB),
        ("https://github.com/acme/shop/tree/main/apps%2Fweb/", WEB),
        ("https://github.com/acme/shop/blob/main/package.json", AT_MAIN),
        ("https://github.com/acme/shop/blob/main/apps/web/package.json", WEB),
        ("https://github.com/acme/shop/commit/0123abc", GitHubReference("acme", "shop", "0123abc")),
        ("https://github.com/acme/shop/releases/tag/v2", GitHubReference("acme", "shop", "v2")),
        ("https://git.acme.example/acme/shop", GitHubReference("acme", "shop")),
    ],
)
def test_a_repository_is_understood_in_every_usual_form(text: str, found: GitHubReference) -> None:
    assert parse_reference(text, host="git.acme.example") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Which repository"),
        ("shop", "no repository"),
        ("acme/", "no repository"),
        ("/shop", "no repository"),
        ("acme/..", "no repository"),
        ("acme/sh op", "no repository"),
        ("acme/shop@", "no name of a branch"),
        ("acme/shop@..", "no name of a branch"),
        ("acme/shop@a..b", "no name of a branch"),
        ("acme/shop@-x", "no name of a branch"),
        ("acme/shop@a~1", "no name of a branch"),
        ("acme/shop@x.lock", "no name of a branch"),
        ("acme/shop/../../etc", "cannot be imported"),
        ("acme/shop/.git/hooks", "cannot be imported"),
        ("https://github.com/acme", "names no repository"),
        ("https://github.com/", "names no repository"),
        ("https://github.com/acme/shop/issues/7", "not of a repository"),
        ("https://github.com/acme/shop/pull/7", "pull request"),
        ("https://gist.github.com/acme/0123", "not GitHub"),
        ("https://github.com.evil.example/acme/shop", "not GitHub"),
        ("https://evil.example/github.com/acme/shop", "not GitHub"),
        ("https://github.com@evil.example/acme/shop", "not GitHub"),
        ("https://gitlab.com/acme/shop", "GitHub only"),
        ("git@bitbucket.org:acme/shop.git", "GitHub only"),
        ("https://www.figma.com/design/AbC/Name", "not GitHub"),
        ("http://127.0.0.1/acme/shop", "not GitHub"),
        ("file:///etc/passwd", "no repository"),
        ("ftp://github.com/acme/shop", "no repository"),
        ("https://[bad/acme/shop", "no repository"),
        ("x" * 600, "no repository"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_the_reason_and_what_to_do(
    text: str, said: str
) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        parse_reference(text)
    assert refused.value.field == "url"
    assert refused.value.hint


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_a_refusal(text: str) -> None:
    try:
        found = parse_reference(text)
    except BadRequest:
        return
    assert parse_reference(str(found)) == found


@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    st.from_regex(r"[a-z0-9._-]{1,20}", fullmatch=True),
    st.none() | st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True),
    st.lists(st.from_regex(r"[a-z0-9@_-]{1,10}", fullmatch=True), max_size=4),
)
def test_what_is_written_reads_back_the_same(
    owner: str, repo: str, ref: str | None, folders: list[str]
) -> None:
    reference = GitHubReference(owner, repo, ref, "/".join(folders), bool(ref and folders))
    try:
        found = parse_reference(str(reference))
    except BadRequest:
        return  # not a name that GitHub allows
    assert (found.owner, found.ref, found.path) == (owner, ref, reference.path)
