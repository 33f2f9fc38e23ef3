"""What passes to an app, and what comes back."""

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from bot.sidecar.passage_headers import for_the_app, for_the_browser

INSIDE, OUTSIDE = "http://127.0.0.1:4000", "https://k.apps.example.com"


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def test_what_is_about_one_connection_stays_with_it() -> None:
    given_ = headers(
        ("Connection", "keep-alive, X-Mine"),
        ("X-Mine", "1"),
        ("Keep-Alive", "5"),
        ("TE", "trailers"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("Proxy-Authorization", "Basic x"),
        ("Host", "k.apps.example.com"),
        ("Accept", "text/html"),
        ("Authorization", "Bearer of the app"),
    )
    kept = for_the_app(given_, {"X-Forwarded-Proto": "https"})
    assert dict(kept) == {
        "Accept": "text/html",
        "Authorization": "Bearer of the app",
        "X-Forwarded-Proto": "https",
    }
    back = for_the_browser(given_, INSIDE, OUTSIDE)
    assert not {"connection", "x-mine", "te", "transfer-encoding"} & {n.lower() for n in back}


def test_a_forged_way_here_is_replaced() -> None:
    kept = for_the_app(
        headers(("X-Forwarded-Host", "evil.test"), ("Forwarded", "for=evil")),
        {"X-Forwarded-Host": "k.apps.example.com"},
    )
    assert kept.getall("X-Forwarded-Host") == ["k.apps.example.com"]
    assert "Forwarded" not in kept


@given(
    st.lists(
        st.sampled_from(
            ["zapdev_install=x", "__session=jwt", "__session_AbC=jwt", "__client_uat=1", "=bare"]
        )
    ),
    st.lists(st.sampled_from(["theme=dark", "sid=a=b", "session=own"])),
)
def test_no_cookie_of_ours_or_of_the_sign_in_reaches_an_app(
    ours: list[str], theirs: list[str]
) -> None:
    mixed = [*theirs, *ours][::-1]
    lines = [("Cookie", "; ".join(mixed[:2])), ("Cookie", "; ".join(mixed[2:]))]
    kept = for_the_app(headers(*(line for line in lines if line[1])), {})
    passed = kept.get("Cookie", "").split("; ") if "Cookie" in kept else []
    assert passed == theirs[::-1]


def test_an_apps_cookies_are_for_its_own_host_alone() -> None:
    back = for_the_browser(
        headers(
            ("Set-Cookie", "a=1; Domain=example.com; Path=/; HttpOnly"),
            ("Set-Cookie", "b=Domain=2;domain = .example.com;Secure"),
        ),
        INSIDE,
        OUTSIDE,
    )
    assert back.getall("Set-Cookie") == ["a=1; Path=/; HttpOnly", "b=Domain=2;Secure"]


def test_a_redirect_to_its_own_address_inside_leads_to_the_one_outside() -> None:
    for location, expected in [
        (f"{INSIDE}/next?a=1", f"{OUTSIDE}/next?a=1"),
        (INSIDE, OUTSIDE),
        ("/next", "/next"),
        (f"{INSIDE}0/other", f"{INSIDE}0/other"),
        ("https://elsewhere.example/", "https://elsewhere.example/"),
    ]:
        back = for_the_browser(headers(("Location", location)), INSIDE, OUTSIDE)
        assert back["Location"] == expected


def test_a_page_does_not_tell_other_sites_its_address_unless_the_app_wants_it_to() -> None:
    assert for_the_browser(headers(), INSIDE, OUTSIDE)["Referrer-Policy"] == "same-origin"
    own = headers(("referrer-policy", "unsafe-url"))
    assert for_the_browser(own, INSIDE, OUTSIDE)["Referrer-Policy"] == "unsafe-url"
