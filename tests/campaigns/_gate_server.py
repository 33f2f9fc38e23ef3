"""A place where the gate's apps run: the local sandbox, with a toolchain that does next to nothing.

Lint and build pass; `vite preview` is a small server in Node that serves the app's own files as
they are, or as the app's `serve.mjs` says.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace

from agents.templates import Template, get_template
from agents.types import Framework

PLAIN = "export async function handle() {}\n"

_VITE = """#!/usr/bin/env node
const http = require("node:http");
const { readFile } = require("node:fs/promises");
const { extname, join } = require("node:path");
const { pathToFileURL } = require("node:url");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

async function main() {
  if (process.argv[2] !== "preview") return;
  const { before, handle } = await import(pathToFileURL(join(process.cwd(), "serve.mjs")).href);
  await before?.();
  http.createServer(async (request, response) => {
    await handle?.(request, response);
    if (response.headersSent || response.writableEnded) return;
    const path = new URL(request.url, "http://app").pathname;
    const file = path === "/" || path.startsWith("/board/") ? "/index.html" : path;
    try {
      const body = await readFile(join(process.cwd(), file));
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" }).end(body);
    } catch {
      response.writeHead(404).end("There is no such file.");
    }
  }).listen(5173, "127.0.0.1");
}

main();
"""
_TOOLS: Mapping[str, str] = {"vite": _VITE, "tsc": "#!/bin/sh\n", "eslint": "#!/bin/sh\n"}


def gate_template(framework: Framework) -> Template:
    """The framework's own files, with these tools in place of its packages."""
    install = "mkdir -p node_modules/.bin && cd node_modules/.bin"
    for name, program in _TOOLS.items():
        text = base64.b64encode(program.encode()).decode()
        install += f" && echo {text} | base64 -d >{name} && chmod +x {name}"
    return replace(get_template(framework), install=install)
