"""What is sealed is read by who has the key, and by nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.sealing import Seal, SealBroken

OLD, NEW = "an old secret", "a new secret"


@given(st.binary(max_size=500), st.text(min_size=1))
def test_what_was_sealed_is_opened_and_cannot_be_seen(plain: bytes, secret: str) -> None:
    sealed = Seal([secret]).close(plain)
    assert Seal([secret]).open(sealed) == plain
    assert Seal([secret]).close(plain) != sealed, "the same text looks different each time"
    assert len(plain) < 4 or plain not in sealed.encode()


def test_a_new_secret_is_put_before_the_old_one() -> None:
    sealed = Seal([OLD]).close(b"a token")
    assert Seal([NEW, OLD]).open(sealed) == b"a token"
    again = Seal([NEW, OLD]).close(b"a token")
    assert Seal([NEW]).open(again) == b"a token"
    with pytest.raises(SealBroken):
        Seal([OLD]).open(again)


@pytest.mark.parametrize("sealed", ["", "nonsense", "é", "gAAAAA" + "A" * 94])
def test_what_is_not_sealed_by_us_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        Seal([OLD]).open(sealed)


def test_what_was_changed_is_refused() -> None:
    sealed = Seal([OLD]).close(b"a token")
    at = len(sealed) // 2
    other = "A" if sealed[at] != "A" else "B"
    with pytest.raises(SealBroken):
        Seal([OLD]).open(sealed[:at] + other + sealed[at + 1 :])
