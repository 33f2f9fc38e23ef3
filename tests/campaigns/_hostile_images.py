"""Images that are none, or do more than to show something: what may not become a file of an app."""

import struct
import zlib


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that is this large when it is unpacked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min((width // 8 + 1) * height, 20_000_000)), 9)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SVGS = {
    "script": f"<svg {NS}><script>fetch('ELSEWHERE')</script></svg>",
    "handler": f'<svg {NS} onload="fetch(\'ELSEWHERE\')"><path d="M0 0"/></svg>',
    "link that runs": f'<svg {NS}><a xlink:href="javascript:alert(1)"><path d="M0 0"/></a></svg>',
    "foreign page": f'<svg {NS}><foreignObject><iframe src="ELSEWHERE"/></foreignObject></svg>',
    "outer image": f'<svg {NS}><image href="ELSEWHERE/x.png"/></svg>',
    "outer use": f'<svg {NS}><use xlink:href="ELSEWHERE/x.svg#a"/></svg>',
    "style": f"<svg {NS}><style>@import 'ELSEWHERE';</style></svg>",
    "outer fill": f'<svg {NS}><path d="M0 0" fill="url(ELSEWHERE#a)"/></svg>',
    "hidden fill": f'<svg {NS}><path d="M0 0" style="fill:u\\72 l(ELSEWHERE#a)"/></svg>',
    "image set": f"<svg {NS}><g style=\"mask-image:image-set('ELSEWHERE' 1x)\"/></svg>",
    "style sheet": f'<?xml version="1.0"?><?xml-stylesheet href="ELSEWHERE"?><svg {NS}/>',
    "late style sheet": f'<svg {NS}><?xml-stylesheet type="text/xsl" href="/x"?></svg>',
    "moved base": f'<svg {NS} xml:base="ELSEWHERE"><use href="#a"/></svg>',
    "animated link": f'<svg {NS}><set attributeName="href" to="javascript:alert(1)"/></svg>',
    "entity": f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg {NS}>&a;</svg>',
    "entities": (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 10))
        + f"]><svg {NS}><text>&a9;</text></svg>"
    ),
    "page beside it": f'<svg {NS}><h:script xmlns:h="http://www.w3.org/1999/xhtml"/></svg>',
}
"""None of these may become a file of an app."""
