"""`zapdev openapi`: what the API takes and answers."""

import json
import sys

from bot.sidecar.openapi import openapi_document


def print_openapi() -> None:
    """The OpenAPI 3.1 document on stdout, as `/openapi.json` serves it."""
    sys.stdout.write(json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n")
