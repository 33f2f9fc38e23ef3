"""A table of tokens, each with what has to become of it; and endless broken ones."""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from tests.fakes.clerk.server import FakeClerk
from tests.fakes.clerk.tokens import SigningKey, organisation, raw_token, segment_of

ATTACKER = SigningKey.generate("ins_attacker")
_HEAD = {"alg": "RS256", "typ": "JWT"}


@dataclass(frozen=True, slots=True)
class Case:
    """`refusal` is the code it is refused with, or None: it is accepted."""

    name: str
    refusal: str | None
    make: Callable[[FakeClerk], str]


def _claims(name: str, refusal: str | None, **claims: Any) -> Case:
    return Case(name, refusal, lambda clerk: clerk.mint(**claims))


def _times(name: str, refusal: str | None, **shifts: int) -> Case:
    """`shifts` are seconds from now."""

    def make(clerk: FakeClerk) -> str:
        now = int(clerk.clock.now().timestamp())
        return clerk.mint(**{claim: now + shift for claim, shift in shifts.items()})

    return Case(name, refusal, make)


def _header(name: str, refusal: str | None, **headers: Any) -> Case:
    return Case(name, refusal, lambda clerk: clerk.key.sign(clerk.claims(), **headers))


def _not_a_session(name: str, **claims: Any) -> Case:
    return _claims(name, "claims_not_those_of_a_session", **claims)


def _without_signature(clerk: FakeClerk) -> str:
    head = segment_of(json.dumps({"alg": "none", "typ": "JWT", "kid": clerk.key.kid}).encode())
    return f"{head}.{segment_of(json.dumps(clerk.claims()).encode())}."


def _signed_with_the_public_key(clerk: FakeClerk) -> str:
    """HS256 with the PEM as its secret; PyJWT itself refuses to make it."""
    head = {"alg": "HS256", "typ": "JWT", "kid": clerk.key.kid}
    parts = [segment_of(json.dumps(part).encode()) for part in (head, clerk.claims())]
    digest = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = digest.sign(".".join(parts).encode(), clerk.key.pem.encode())
    return ".".join((*parts, segment_of(signature)))


def _in_another_spelling(clerk: FakeClerk) -> str:
    """The last character of a signature has four bits that mean nothing."""
    token = clerk.mint()
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    place = alphabet.index(token[-1])
    other = token[:-1] + alphabet[place ^ 1]
    assert base64.urlsafe_b64decode(other.rpartition(".")[2] + "==") == base64.urlsafe_b64decode(
        token.rpartition(".")[2] + "=="
    )
    return other


CASES = (
    # what Clerk gives out
    _claims("version 2", None),
    _claims("version 1", None, version=1),
    _claims("version 2 in an organisation", None, **organisation()),
    _claims("version 1 in an organisation", None, version=1, **organisation(version=1)),
    _claims("somebody of staff acts as this person", None, act={"sub": "user_staff"}),
    _times("ended 3 s ago", None, exp=-3, iat=-63, nbf=-73),
    _times("issued by a clock 3 s ahead", None, iat=3, nbf=3, exp=63),
    _header("headers that nobody knows", None, oiat=1, jku="https://elsewhere.example"),
    _header("no typ", None, typ=None),
    # when
    _times("ended 10 s ago", "token_expired", exp=-10, iat=-70, nbf=-80),
    _times("not valid for 10 s", "token_not_yet_valid", nbf=10),
    _times("issued in a minute", "token_not_yet_valid", iat=60, exp=120),
    _times("lives for a day", "token_lives_too_long", exp=86_400),
    _times("ends before it begins", "token_lives_too_long", iat=4, exp=2),
    _not_a_session("no end", exp=None),
    _not_a_session("no beginning", iat=None),
    _not_a_session("valid from nowhen", nbf=None),
    _not_a_session("its end is a text", exp="9999999999"),
    _not_a_session("its end is true", exp=True),
    _not_a_session("its end is a fraction", exp=9_999_999_999.5),
    # whose
    _claims("another issuer", "issuer_not_allowed", iss="https://clerk.other.example"),
    Case(
        "its issuer with a slash",
        "issuer_not_allowed",
        lambda clerk: clerk.mint(iss=f"{clerk.issuer}/"),
    ),
    _not_a_session("no issuer", iss=None),
    _not_a_session("a list of issuers", iss=["https://clerk.other.example"]),
    _claims("another page", "azp_not_allowed", azp="https://evil.example"),
    _claims(
        "a page whose name begins alike", "azp_not_allowed", azp="https://app.example.com.evil"
    ),
    _claims("another scheme", "azp_not_allowed", azp="http://app.example.com"),
    _claims("no page", "azp_not_allowed", azp=None),
    _claims("an empty page", "azp_not_allowed", azp=""),
    _not_a_session("nobody", sub=None),
    _not_a_session("an organisation as the user", sub="org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"),
    _not_a_session("a machine", sub="mch_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"),
    _not_a_session("no session, as of a template", sid=None, aud="convex"),
    _not_a_session("a user as the session", sid="user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ"),
    _claims("not done signing in", "session_pending", sts="pending"),
    _claims("a state nobody knows", "session_pending", sts="ACTIVE"),
    _not_a_session("version 3", v=3),
    _not_a_session("version true", v=True),
    _not_a_session("a user as the organisation", o={"id": "user_2aBcDe"}),
    _not_a_session("an organisation without a name", o={"rol": "admin"}),
    _claims("two organisations", "organisation_ambiguous", org_id="org_other", **organisation()),
    _claims("a flat organisation in version 2", "organisation_ambiguous", org_id="org_other"),
    # signed how
    Case("no signature", "token_malformed", _without_signature),
    Case("HS256 with the public key", "algorithm_not_allowed", _signed_with_the_public_key),
    _header("said to be RS512", "algorithm_not_allowed", alg="RS512"),
    _header("said to be rs256", "algorithm_not_allowed", alg="rs256"),
    _header("another type", "type_not_allowed", typ="at+jwt"),
    _header("no key id", "key_missing", kid=None),
    _header("a number as the key id", "token_malformed", kid=7),
    _header("an empty key id", "key_missing", kid=""),
    _header("a key nobody has", "key_unknown", kid="ins_nobody"),
    _header("a critical header", "token_malformed", crit=["exp"]),
    _header("its payload elsewhere", "token_malformed", b64=False),
    Case(
        "another key under a known id",
        "signature_invalid",
        lambda clerk: raw_token({**_HEAD, "kid": clerk.key.kid}, clerk.claims(), ATTACKER),
    ),
    Case(
        "a key of its own, brought along",
        "signature_invalid",
        lambda clerk: raw_token(
            {**_HEAD, "kid": clerk.key.kid, "jwk": ATTACKER.jwk}, clerk.claims(), ATTACKER
        ),
    ),
    Case(
        "signed, but no claims",
        "token_malformed",
        lambda clerk: raw_token({**_HEAD, "kid": clerk.key.kid}, ["iss", clerk.issuer], clerk.key),
    ),
    # spelled how
    Case("another spelling", "token_malformed", _in_another_spelling),
    Case("padded", "token_malformed", lambda clerk: clerk.mint() + "=="),
    Case("a space behind it", "token_malformed", lambda clerk: clerk.mint() + " "),
    Case("two parts", "token_malformed", lambda clerk: clerk.mint().rpartition(".")[0]),
    Case("four parts", "token_malformed", lambda clerk: clerk.mint() + ".AA"),
    Case("nothing", "token_malformed", lambda clerk: ""),
    Case("a key of the Backend API", "token_malformed", lambda clerk: "sk_test_0123456789"),
    Case("Unicode", "token_malformed", lambda clerk: "é" * 40),
    Case("too long", "token_too_long", lambda clerk: clerk.mint(note="x" * 8192)),
)


# --- endless ones ----------------------------------------------------------------------------

_BAD_CLAIMS: dict[str, tuple[Any, ...]] = {
    "iss": ("", "https://x.example", None, 0, [], {}, "{iss}/", "{iss}\n", " {iss}", "{iss}.x"),
    "azp": (
        *(
            "",
            "null",
            "https://x.example",
            "{azp}/",
            "{azp}:443",
            "{azp}.x",
            "{azp},x",
            None,
            0,
            [],
        ),
        *("HTTPS://APP.EXAMPLE.COM", "https://app.example.com@x.example", {"0": "{azp}"}),
    ),
    "sub": (
        *(
            "",
            None,
            0,
            [],
            "user_",
            "User_2ab",
            "user_a b",
            "user_a\n",
            "org_2ab",
            "user_" + "a" * 200,
        ),
    ),
    "sid": (*("", None, 0, [], "sess_", "session_2ab", "sess_a b", "sess_a\n", "user_2ab"),),
    "exp": (*(None, "", "{exp}", 0, -1, True, [], 1.5, 1e300, 10**18, "now-7", "now+3700"),),
    "iat": (*(None, "", "{iat}", True, [], 1.5, 10**18, "now+7", "now+3600"),),
    "nbf": (*(None, "", "{nbf}", True, [], 1.5, 10**18, "now+7", "now+3600"),),
    "sts": (*("pending", "", "Active", "active ", "inactive", 1, True, []),),
    "v": (*(0, 3, -1, "1", "2", True, 2.5, [], {}),),
    "o": (
        *(
            {},
            [],
            "org_2ab",
            {"id": ""},
            {"id": "org_"},
            {"id": 1},
            {"id": "user_2ab"},
            {"rol": "x"},
        ),
    ),
    "act": (*("user_2ab", 1, True, ["user_2ab"]),),
}
_BAD_HEADERS: dict[str, tuple[Any, ...]] = {
    "alg": (
        *("none", "None", "HS256", "HS512", "RS384", "RS512", "PS256", "ES256", "rs256", "", None),
    ),
    "typ": (*("at+jwt", "jwt", "", 1, ["JWT"], "JWT "),),
    "kid": (*("", None, 0, [], {}, "ins_nobody", "../../key", "{kid} ", "{kid}\0", "k" * 300),),
    "crit": (*(["exp"], [], "exp", ["b64"], {}),),
    "b64": (*(False,),),
}


class Broken:
    """Tokens that must all be refused, drawn by chance."""

    def __init__(self, clerk: FakeClerk, chance: random.Random) -> None:
        self._clerk = clerk
        self._chance = chance
        self._kinds = (self._text, self._swapped, self._claim, self._header, self._foreign)

    def draw(self) -> tuple[str, str]:
        """How it was broken, and the token."""
        return self._chance.choice(self._kinds)()

    def good(self) -> str:
        """One that must be accepted."""
        version = self._chance.choice((1, 2))
        extra = {}
        if self._chance.random() < 0.5:
            extra = organisation(f"org_{self._chance.randrange(10**9)}", version=version)
        if self._chance.random() < 0.2:
            extra["act"] = {"sub": "user_staff", "iss": "https://dashboard.clerk.com"}
        extra["sub"] = f"user_{self._chance.randrange(10**9)}"
        return self._clerk.mint(version=version, **extra)

    def _text(self) -> tuple[str, str]:
        """A right one, damaged on its way."""
        token = self._clerk.mint()
        for _ in range(self._chance.choice((1, 1, 1, 2, 8))):
            token = self._damaged(token)
        return "text", token or "."

    def _damaged(self, token: str) -> str:
        place = self._chance.randrange(len(token) or 1)
        other = self._chance.choice(string.ascii_letters + string.digits + "-_.=+/ \n\0é,;")
        damaged = {
            "flip": lambda: token[:place] + other + token[place + 1 :],
            "put in": lambda: token[:place] + other + token[place:],
            "take out": lambda: token[:place] + token[place + 1 :],
            "cut": lambda: token[:place],
            "twice": lambda: token + token[place:],
            "case": lambda: token[:place] + token[place:].swapcase(),
        }[self._chance.choice(("flip", "flip", "put in", "take out", "cut", "twice", "case"))]()
        return damaged if damaged != token else token + "A"

    def _swapped(self) -> tuple[str, str]:
        """The parts of two right ones, mixed."""
        ours = self._clerk.mint(sub="user_ann").split(".")
        theirs = self._clerk.mint(sub="user_ben", **organisation()).split(".")
        mixed = [ours[0], *self._chance.choice(([theirs[1], ours[2]], [ours[1], theirs[2]]))]
        if self._chance.random() < 0.3:
            self._chance.shuffle(mixed)
        return "swapped", ".".join(mixed)

    def _claim(self) -> tuple[str, str]:
        """A signature that is right below a claim that is wrong."""
        name = self._chance.choice(list(_BAD_CLAIMS))
        claims = self._clerk.claims()
        value = self._filled(self._chance.choice(_BAD_CLAIMS[name]), claims)
        if value is None:
            del claims[name]
        else:
            claims[name] = value
        return f"claim {name}={value!r}", self._clerk.key.sign(claims)

    def _header(self) -> tuple[str, str]:
        name = self._chance.choice(list(_BAD_HEADERS))
        value = self._filled(self._chance.choice(_BAD_HEADERS[name]), {"kid": self._clerk.key.kid})
        return f"header {name}={value!r}", self._clerk.key.sign(
            self._clerk.claims(), **{name: value}
        )

    def _foreign(self) -> tuple[str, str]:
        """A key that is not Clerk's, under its id."""
        brought: tuple[dict[str, Any], ...] = (
            *({}, {}, {"jwk": ATTACKER.jwk}, {"jku": "https://x.example"}),
            {"x5u": "https://x.example"},
        )
        header = {**_HEAD, "kid": self._clerk.key.kid, **self._chance.choice(brought)}
        return "foreign", raw_token(header, self._clerk.claims(), ATTACKER)

    def _filled(self, value: Any, claims: dict[str, Any]) -> Any:
        if isinstance(value, str) and value.startswith("now"):
            return int(self._clerk.clock.now().timestamp()) + int(value.removeprefix("now"))
        if isinstance(value, str):
            for name, text in claims.items():
                value = value.replace(f"{{{name}}}", str(text))
        return value
