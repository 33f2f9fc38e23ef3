"""Which session tokens count, and as whom."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.system import SystemClock
from agents.testing import FakeClock
from bot.services.principals import Impersonated, NotSignedIn, in_person
from bot.sidecar.clerk import LEEWAY_S, ClerkSignIn, Rules
from bot.sidecar.clerk_claims import unpacked
from bot.sidecar.clerk_keys import StaticKey
from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.token_cases import CASES, Case
from tests.fakes.clerk.tokens import organisation


def verifier(clerk: FakeClerk) -> ClerkSignIn:
    return ClerkSignIn(
        Rules(clerk.issuer, frozenset({clerk.origin})), StaticKey(clerk.key.pem), clerk.clock
    )


@pytest.fixture
def still(clerk: FakeClerk) -> FakeClerk:
    """Its clock, and ours, moves only when a test says so."""
    clerk.clock = FakeClock()
    return clerk


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_token_is_taken_or_refused_as_the_table_says(still: FakeClerk, case: Case) -> None:
    is_given = case.refusal == "key_unknown"  # a key that is given answers to any id
    token = case.make(still)

    if case.refusal is None or is_given:
        assert (await verifier(still).verify(token)).user_id.startswith("user_")
        return
    with pytest.raises(NotSignedIn) as refused:
        await verifier(still).verify(token)
    assert refused.value.code == case.refusal
    assert token not in str(refused.value) or not token
    assert len(str(refused.value).split()) >= 4


async def test_clocks_may_differ_by_five_seconds_and_no_more(still: FakeClerk) -> None:
    assert isinstance(still.clock, FakeClock)
    token = still.mint()
    sign_in = verifier(still)
    await still.clock.advance(60 + LEEWAY_S - 0.1)
    assert (await sign_in.verify(token)).session_id
    await still.clock.advance(0.1)
    with pytest.raises(NotSignedIn, match="run out"):
        await sign_in.verify(token)


@pytest.mark.parametrize("version", [1, 2])
async def test_both_versions_say_the_same_of_a_member(still: FakeClerk, version: int) -> None:
    who = await verifier(still).verify(still.mint(version=version, **organisation(version=version)))
    assert who.owner == who.org_id == "org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    assert who.session_id == "sess_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    assert who.org_role == "admin"
    assert who.permissions == {"dashboard:manage", "dashboard:read", "teams:read"}
    assert not who.is_impersonated


@pytest.mark.parametrize(
    ("claims", "plan"),
    [
        ({}, None),
        ({"pla": "u:free"}, "free"),
        ({"pla": "u:pro,o:free"}, "pro"),
        ({"pla": "o:pro"}, None),
        ({"pla": "pro"}, None),
        (organisation(), "pro"),
        ({**organisation(), "pla": "u:pro"}, None),
    ],
)
async def test_a_plan_counts_for_the_tenant_that_has_it(
    still: FakeClerk, claims: dict[str, Any], plan: str | None
) -> None:
    assert (await verifier(still).verify(still.mint(**claims))).plan == plan


async def test_who_acts_as_somebody_else_is_known_and_may_not_do_what_only_they_may(
    still: FakeClerk,
) -> None:
    themselves = await verifier(still).verify(still.mint())
    staff = await verifier(still).verify(still.mint(act={"sub": "user_staff"}))
    assert in_person(themselves) is themselves
    assert staff.is_impersonated
    with pytest.raises(Impersonated, match="Only they"):
        in_person(staff)


async def test_a_crowd_of_parties_is_each_one_of_them(clerk: FakeClerk) -> None:
    parties = frozenset({"https://a.example", "https://b.example"})
    rules = Rules(clerk.issuer, parties)
    sign_in = ClerkSignIn(rules, StaticKey(clerk.key.pem), SystemClock())
    for azp in parties:
        assert (await sign_in.verify(clerk.mint(azp=azp))).session_id
    with pytest.raises(NotSignedIn):
        await sign_in.verify(clerk.mint(azp="https://a.example,https://b.example"))


# --- permissions ---------------------------------------------------------------------------

NAME = st.text("abcdefgh_", min_size=1, max_size=6)


@given(
    st.dictionaries(NAME, st.sets(st.integers(0, 5)), max_size=5),
    st.lists(NAME, min_size=6, max_size=6, unique=True),
)
def test_packed_permissions_come_out_as_they_went_in(
    features: dict[str, set[int]], names: list[str]
) -> None:
    masks = ",".join(str(sum(1 << place for place in places)) for places in features.values())
    listed = ",".join(f"o:{feature}" for feature in features)

    packed = unpacked(f"u:mine,{listed}", ",".join(names), masks)

    assert packed == {f"{f}:{names[place]}" for f, places in features.items() for place in places}


@given(st.text(), st.text(), st.text())
def test_nonsense_gives_no_permission_and_no_error(fea: str, per: str, fpm: str) -> None:
    assert all(name.count(":") for name in unpacked(fea, per, fpm))
    assert unpacked(f"u:{fea}", per, fpm) == frozenset() or "," in fea


def test_a_feature_of_both_scopes_is_one_of_the_organisation() -> None:
    assert unpacked("u:a,uo:b,o:c", "read", "1,1") == {"b:read", "c:read"}
    assert unpacked("o:a", "read", "9" * 5000) == frozenset()
