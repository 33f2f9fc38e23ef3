"""Archives that somebody made to do harm, each with what may be left of it."""

import gzip
import io
import os
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

ROOT = "acme-shop-0000000"
GOOD = {"package.json": b'{"name": "shop"}', "src/App.tsx": b"export {}\n"}


def entry(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def pack(*entries: tuple[tarfile.TarInfo, bytes], good: bool = True) -> bytes:
    """A `.tar.gz` of the good files and these, headers as they are given."""
    first = [entry(f"{ROOT}/{path}", data) for path, data in GOOD.items()] if good else []
    out = bytearray()
    for info, data in [*first, *entries]:
        out += info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        out += data + bytes(-len(data) % 512)
    return gzip.compress(bytes(out) + bytes(1024), compresslevel=1, mtime=0)


def raw_header(kind: bytes, claimed: int, data: bytes) -> bytes:
    """A header block of a kind that `tarfile` reads by itself, claiming a size."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, claimed
    block = info.tobuf(tarfile.GNU_FORMAT)[-512:]
    return block + data + bytes(-len(data) % 512)


def raw(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts) + bytes(1024), compresslevel=1, mtime=0)


def _link(name: str, target: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return entry(f"{ROOT}/{name}", b"", type=kind, linkname=target)


def _through_a_link() -> bytes:
    return pack(_link("out", "/", tarfile.SYMTYPE), entry(f"{ROOT}/out/etc/passwd", b"root"))


def _sparse(text: bytes) -> bytes:
    info = tarfile.TarInfo(f"{ROOT}/sparse")
    info.size = len(text)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": f"{ROOT}/sparse",
        "GNU.sparse.realsize": "99999999",
    }
    return pack((info, text))


@dataclass(frozen=True)
class Hostile:
    """`refused`: nothing may come of it. Otherwise the good files, and of it nothing that harms."""

    name: str
    make: Callable[[], bytes]
    refused: bool = False


CASES = (
    *(
        Hostile(f"name {name!r}", lambda name=name: pack(entry(f"{ROOT}/{name}")))  # type: ignore[misc]
        for name in (
            *(
                "../x",
                "a/../../x",
                "../../../../etc/passwd",
                "..",
                "a/..",
                "/etc/passwd",
                "~/.ssh/x",
            ),
            *(".git/hooks/post-checkout", ".git/config", "a/.git/config", ".GIT/config", "git~1/x"),
            *(
                ".git\u200c/config",
                ".ssh/authorized_keys",
                ".bashrc",
                ".profile",
                ".netrc",
                ".yarnrc",
            ),
            *(
                ".env",
                ".env.local",
                "a/.ENV",
                "node_modules/.bin/vite",
                "a/node_modules/x/index.js",
            ),
            *(
                "a\\..\\..\\x",
                "C:/Windows/x",
                "con\x01trol",
                "a\u202egpj.exe",
                "x" * 600,
                "x/" * 300,
            ),
            *("a\nb", "a\x00b", "\udcff", "a/" + "n" * 256, "./../x", "a//../../x"),
        )
    ),
    Hostile("symbolic link out", lambda: pack(_link("out", "/etc", tarfile.SYMTYPE))),
    Hostile("symbolic link inside", lambda: pack(_link("a", "package.json", tarfile.SYMTYPE))),
    Hostile("hard link out", lambda: pack(_link("out", "/etc/passwd", tarfile.LNKTYPE))),
    Hostile("hard link inside", lambda: pack(_link("a", f"{ROOT}/package.json", tarfile.LNKTYPE))),
    Hostile("file through a link", _through_a_link),
    Hostile("character device", lambda: pack(_link("dev", "", tarfile.CHRTYPE))),
    Hostile("block device", lambda: pack(_link("dev", "", tarfile.BLKTYPE))),
    Hostile("named pipe", lambda: pack(_link("pipe", "", tarfile.FIFOTYPE))),
    Hostile("set-uid file", lambda: pack(entry(f"{ROOT}/run", b"x", mode=0o4777))),
    Hostile("file and folder of one name", lambda: pack(entry(f"{ROOT}/src", b"x"))),
    Hostile("folder below a file", lambda: pack(entry(f"{ROOT}/package.json/x", b"x"))),
    Hostile("one name twice", lambda: pack(entry(f"{ROOT}/package.json", b"evil"))),
    Hostile("sparse file", lambda: _sparse(b"1\n0\n512\n".ljust(512, b"\0") + b"x" * 512)),
    Hostile(
        "sparse map without end", lambda: _sparse(b"9999999\n" + b"0\n" * 2_000_000), refused=True
    ),
    Hostile("second folder at the top", lambda: pack(entry("other/x")), refused=True),
    Hostile("climbing top folder", lambda: pack(entry("../x")), refused=True),
    Hostile(
        "long name without end",
        lambda: raw(raw_header(b"L", 2**32, b"x" * 1_000_000)),
        refused=True,
    ),
    Hostile("negative size", lambda: raw(raw_header(b"L", -(2**40), b"")), refused=True),
    Hostile(
        "headers upon headers",
        lambda: raw(*(raw_header(b"L", 5, b"name\0") for _ in range(3_000))),
        refused=True,
    ),
    Hostile(
        "slow header", lambda: raw(raw_header(b"x", 1_000_000, b"1" * 1_000_000)), refused=True
    ),
    Hostile("zeros without end", lambda: gzip.compress(bytes(300 * 1024**2), 9), refused=True),
    Hostile(
        "one file of zeros", lambda: pack(entry(f"{ROOT}/zero", bytes(250 * 1024**2))), refused=True
    ),
    Hostile(
        "too many entries",
        lambda: pack(*(entry(f"{ROOT}/{n}", os.urandom(1)) for n in range(20_001))),
        refused=True,
    ),
    Hostile("no archive", lambda: b"<!doctype html><h1>Sign in</h1>", refused=True),
    Hostile("nothing", lambda: b"", refused=True),
    Hostile("cut off", lambda: pack()[:-20], refused=True),
    Hostile("wrong checksum", lambda: pack()[:-8] + bytes(8), refused=True),
    Hostile("packed twice", lambda: gzip.compress(pack(), mtime=0), refused=True),
)


def mangled(seed: int) -> bytes:
    """A good archive with some of its unpacked bytes changed."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    data = bytearray(gzip.decompress(pack()))
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return gzip.compress(bytes(data), mtime=0)


def opened(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
