// Files of an app at E2B, from inside: no link is ever followed, as in `files.py`.
// Run in the app's folder by `node -e`, with an operation and its arguments. Exit status: 3 when
// the app is too large, 28 when the disk is full.
"use strict";
const fs = require("node:fs");

const [operation, ...args] = process.argv.slice(1);
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
const UNREADABLE = ["ENOENT", "ELOOP", "ENXIO", "EACCES", "ENAMETOOLONG", "ENOTDIR", "EPERM"];
const FULL = ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENAMETOOLONG"];

function look(path) {
  return fs.lstatSync(path, { throwIfNoEntry: false });
}

// Whether every folder on the way is a real one; with `make`, what is in the way gives way.
function walk(path, make) {
  const parts = path.split("/").slice(0, -1);
  for (let n = 1; n <= parts.length; n += 1) {
    const folder = parts.slice(0, n).join("/");
    const found = look(folder);
    if (found?.isDirectory()) continue;
    if (!make) return false;
    if (found) fs.unlinkSync(folder);
    fs.mkdirSync(folder, 0o755);
  }
  return true;
}

// The bytes of a regular file, or null.
function content(path, limit) {
  let file;
  try {
    file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (UNREADABLE.includes(error.code)) return null;
    throw error;
  }
  try {
    const found = fs.fstatSync(file);
    if (!found.isFile()) return null;
    if (found.size > limit) tooLarge("the app's files are too large");
    return fs.readFileSync(file);
  } finally {
    fs.closeSync(file);
  }
}

// Move staged files to their places: `stage/list` names them, `stage/0` is the first.
function place(stage) {
  JSON.parse(fs.readFileSync(`${stage}/list`, "utf8")).forEach((path, n) => {
    walk(path, true);
    if (look(path)?.isDirectory()) fs.rmSync(path, { recursive: true, force: true });
    fs.renameSync(`${stage}/${n}`, path);
  });
  fs.rmSync(stage, { recursive: true, force: true });
}

function remove(list) {
  for (const path of JSON.parse(list)) {
    const found = walk(path, false) ? look(path) : undefined;
    if (found && !found.isDirectory()) fs.unlinkSync(path);
    if (found) removeEmpty(path);
  }
}

// Delete the folders above a path as far as they are empty.
function removeEmpty(path) {
  const names = path.split("/").slice(0, -1);
  for (; names.length > 0; names.pop()) {
    const folder = names.join("/");
    if (!walk(folder, false)) return;
    try {
      fs.rmdirSync(folder);
    } catch {
      return; // it holds something
    }
  }
}

function* entries(prefix, depth, state, caps) {
  if (depth > caps.depth) tooLarge("the app's folders are nested too deep");
  const names = [];
  for (const raw of fs.readdirSync(prefix || ".", { encoding: "buffer" })) {
    state.entries += 1;
    if (state.entries > caps.entries) tooLarge(`the app has more than ${caps.entries} entries`);
    const name = raw.toString("utf8");
    const hidden = name === ".git" || name === "node_modules";
    if (hidden || (!prefix && caps.ignore.includes(name))) continue;
    if (Buffer.from(name, "utf8").equals(raw)) names.push(name);
  }
  for (const name of names.sort()) {
    const path = prefix + name;
    const found = look(path);
    if (found?.isFile()) yield path;
    else if (found?.isDirectory()) {
      try {
        yield* entries(`${path}/`, depth + 1, state, caps);
      } catch (error) {
        if (!UNREADABLE.includes(error.code)) throw error;
      }
    }
  }
}

// Forget what was left for us to fetch a while ago.
function sweep(folder) {
  for (const name of fs.readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const old = Date.now() - (look(path)?.mtimeMs ?? Date.now()) > 120_000;
    if (old && /^(out|stage)-/.test(name)) fs.rmSync(path, { recursive: true, force: true });
  }
}

// Write an archive: one line of JSON, [[path, size], …], then all bytes.
function pack(out, paths, caps) {
  const header = [];
  const bodies = [];
  let size = 0;
  for (const path of paths) {
    const bytes = content(path, caps.bytes - size);
    if (bytes === null) continue;
    size += bytes.length;
    header.push([path, bytes.length]);
    bodies.push(bytes);
    if (header.length > caps.files) tooLarge(`the app has more than ${caps.files} files`);
  }
  sweep(out.slice(0, out.lastIndexOf("/")));
  fs.writeFileSync(out, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...bodies]));
}

function tooLarge(reason) {
  process.stderr.write(reason);
  process.exit(3);
}

const OPERATIONS = {
  place,
  remove,
  tree: (out, caps) => pack(out, entries("", 0, { entries: 0 }, JSON.parse(caps)), JSON.parse(caps)),
  read: (out, path, bytes) =>
    pack(out, walk(path, false) ? [path] : [], { files: 1, bytes: Number(bytes) }),
};

try {
  OPERATIONS[operation](...args);
} catch (error) {
  process.stderr.write(String(error.message ?? error));
  process.exit(FULL.includes(error.code) ? 28 : 1);
}
