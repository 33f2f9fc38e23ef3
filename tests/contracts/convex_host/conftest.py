"""A host over the sample functions, shared by the tests of a module; a deployment for each."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
from typing_extensions import override

from tests.contracts.convex_host.client import ADMIN_KEY, FEW_S, SAMPLE, Convex
from tests.fakes.convex import ConvexHost, SigningKey, start_host


class Discovery(BaseHTTPRequestHandler):
    """An OpenID provider's two documents; `keys` is what its JWKS holds."""

    keys: tuple[SigningKey, ...] = ()

    def do_GET(self) -> None:
        found: dict[str, Any] = {"keys": [dict(key.jwk) for key in self.keys]}
        if self.path == "/.well-known/openid-configuration":
            found = {"jwks_uri": f"http://{self.headers['Host']}/jwks.json"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def host(issuer: str) -> Iterator[ConvexHost]:
    with start_host(convex_dir=SAMPLE, env={"SAMPLE_OIDC": issuer}, admin_key=ADMIN_KEY) as running:
        Discovery.keys = (running.clerk,)
        yield running


@pytest.fixture
async def convex(host: ConvexHost, request: pytest.FixtureRequest) -> AsyncIterator[Convex]:
    """A deployment that no other test has."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    timeout = aiohttp.ClientTimeout(total=FEW_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Convex(host, name, http, {})
        await host.clear_faults()
