// Serves the build output (dist/) on HOST:PORT. A path that is no file gets index.html, so that the router's
// addresses can be opened directly; a missing script, style or picture is a 404.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../dist", import.meta.url));
const host = process.env.HOST || "127.0.0.1";
const port = Number(process.env.PORT || 4200);

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".map": "application/json; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".ttf": "font/ttf",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".wasm": "application/wasm",
  ".pdf": "application/pdf",
};

async function sizeOf(path) {
  const info = await stat(path).catch(() => null);
  return info?.isFile() ? info.size : null;
}

/** The file for a request's path and its size; null when there is none. */
async function find(pathname) {
  const path = join(root, normalize(pathname));
  if (path !== root && !path.startsWith(root + sep)) return null;
  const size = await sizeOf(path);
  if (size !== null) return { path, size };
  if (extname(pathname) && extname(pathname) in types) return null;
  const index = join(root, "index.html");
  const indexSize = await sizeOf(index);
  return indexSize === null ? null : { path: index, size: indexSize };
}

function plain(response, status, text) {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

const server = createServer(async (request, response) => {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plain(response, 405, "Only GET and HEAD are served here.");
  }
  let pathname;
  try {
    pathname = decodeURIComponent(request.url.split(/[?#]/, 1)[0]);
  } catch {
    return plain(response, 400, "This address cannot be read.");
  }
  const found = pathname.includes("\0") ? null : await find(pathname);
  if (!found) return plain(response, 404, "Not found.");
  response.writeHead(200, {
    "content-type": types[extname(found.path).toLowerCase()] ?? "application/octet-stream",
    "content-length": found.size,
    "cache-control": "no-cache",
  });
  if (request.method === "HEAD") return response.end();
  createReadStream(found.path)
    .on("error", () => response.destroy())
    .pipe(response);
});

server.on("error", (error) => {
  console.error(`The preview cannot listen on ${host}:${port}: ${error.message}`);
  process.exit(1);
});
if ((await sizeOf(join(root, "index.html"))) === null) {
  console.error("There is no build output yet: run `npm run build` first.");
  process.exit(1);
}
server.listen(port, host, () => console.log(`Preview: http://${host}:${port}/`));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
