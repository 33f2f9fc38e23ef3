from hypothesis import given
from hypothesis import strategies as st

from bot.services.app_hosts import AppHosts
from bot.services.previews import new_key

HOSTS = AppHosts("https://{key}.apps.example.com:8443")


@given(st.text("0123456789abcdef", min_size=1, max_size=63))
def test_a_key_is_found_again_in_the_address_that_was_made_of_it(key: str) -> None:
    address = HOSTS.address(key)
    assert address == f"https://{key}.apps.example.com:8443"
    assert HOSTS.key_in(f"{key}.apps.example.com") == key
    assert HOSTS.key_in(f"{key}.APPS.example.com".upper()) == key


def test_a_fresh_key_fits_into_the_name_of_a_host() -> None:
    assert len(new_key()) <= 63
    assert HOSTS.key_in(f"{new_key()}.apps.example.com") is not None


@given(st.sampled_from(["", None, "apps.example.com", ".apps.example.com", "example.com"]))
def test_other_names_hold_no_key(host: str | None) -> None:
    assert HOSTS.key_in(host) is None


def test_a_name_below_an_app_or_one_that_only_ends_alike_holds_none() -> None:
    assert HOSTS.key_in("a.b.apps.example.com") is None
    assert HOSTS.key_in("aapps.example.com") is None
    assert HOSTS.key_in("a.apps.example.com.evil.test") is None


def test_all_of_them_are_named_at_once() -> None:
    assert HOSTS.everywhere == "https://*.apps.example.com:8443"
