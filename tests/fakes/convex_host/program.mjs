// The project's own convex/ folder as running code: bundled by the esbuild that Convex's CLI
// brings, loaded once, shared by all deployments (which differ in their data only).
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { build } from "esbuild";

const SOURCE = /\.[cm]?[jt]sx?$/;
// Convex leaves out files with two dots in their names (convex, src/bundler/index.ts), but for
// auth.config.ts, which it evaluates apart.
const NO_MODULE = /\..*\./;
const AUTH = "auth.config.ts";
const CACHE = path.resolve(
  fileURLToPath(import.meta.resolve("convex-test")),
  "../../../.cache/convex-host",
);

// Packages stay outside, so that the functions and convex-test use the same `convex`.
/** @type {import("esbuild").BuildOptions} */
const BUNDLE = {
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  logLevel: "error",
};

/**
 * @typedef {object} Program
 * @property {any} schema
 * @property {Record<string, () => Promise<any>>} modules as convex-test wants them
 * @property {Map<string, any>} loaded each module's exports, by its name without ending
 * @property {Record<string, any>[]} providers of auth.config.ts
 * @property {Record<string, { name: string, args: any[], schedule: any }>} crons
 */

/**
 * Bundles and loads a folder of functions. Like a push to Convex it fails when a module throws
 * while it is loaded.
 * @param {string} directory
 * @returns {Promise<Program>}
 */
export async function loadProgram(directory) {
  const output = temporaryFolder();
  const options = { ...BUNDLE, outdir: output, outbase: directory };
  const names = moduleNames(directory);
  const functions = names.filter((name) => name !== AUTH);
  const sourceOf = (/** @type {string} */ name) => path.join(directory, name);
  await build({ ...options, entryPoints: functions.map(sourceOf), splitting: true });
  const providers = names.includes(AUTH) ? await authProviders(options, sourceOf(AUTH)) : [];
  /** @type {Map<string, any>} */
  const loaded = new Map();
  for (const name of functions) loaded.set(bare(name), await load(output, name));
  return {
    schema: loaded.get("schema")?.default,
    modules: modulesOf(loaded),
    loaded,
    providers,
    crons: loaded.get("crons")?.default?.crons ?? {},
  };
}

/**
 * @param {string} directory
 * @returns {string[]} "tasks.ts", "lib/access.ts"
 */
function moduleNames(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .filter(({ name }) => name === AUTH || !NO_MODULE.test(name))
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(path.sep).includes("node_modules"));
}

/**
 * @param {string} output
 * @param {string} name
 * @returns {Promise<any>}
 */
function load(output, name) {
  return import(pathToFileURL(path.join(output, `${bare(name)}.mjs`)).href);
}

/** @param {string} name */
function bare(name) {
  return name.replace(SOURCE, "");
}

/** A folder inside node_modules, where imports of packages resolve and git looks away. */
function temporaryFolder() {
  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE)) {
    if (!isAlive(Number.parseInt(name, 10)))
      rmSync(path.join(CACHE, name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(path.join(CACHE, `${process.pid}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** @param {number} pid */
function isAlive(pid) {
  return existsSync("/proc/self") ? existsSync(`/proc/${pid}`) : true;
}

/**
 * convex-test finds the folder's root by a path with `_generated` in it; nothing else of that
 * folder is needed.
 * @param {Map<string, any>} loaded
 */
function modulesOf(loaded) {
  const modules = { "/convex/_generated/api.js": async () => ({}) };
  const entries = [...loaded].map(([name, module]) => [`/convex/${name}.js`, async () => module]);
  return { ...modules, ...Object.fromEntries(entries) };
}

/**
 * auth.config.ts has a bundle of its own, in which `process.env` is one that refuses to be asked
 * for what is not set, as a push to Convex does (get-convex/convex-backend, issue 315).
 * @param {import("esbuild").BuildOptions} options
 * @param {string} source
 * @returns {Promise<Record<string, any>[]>}
 */
async function authProviders(options, source) {
  await build({ ...options, entryPoints: [source], define: { "process.env": "authEnvironment" } });
  Object.assign(globalThis, { authEnvironment: new Proxy(process.env, { get: knownVariable }) });
  const { default: config } = await load(
    /** @type {string} */ (options.outdir),
    path.basename(source),
  );
  return config.providers;
}

/** @type {(variables: NodeJS.ProcessEnv, name: string | symbol) => unknown} */
function knownVariable(variables, name) {
  if (name in variables) return Reflect.get(variables, name);
  throw new Error(
    `Environment variable ${String(name)} is used in auth config file but its value was not set`,
  );
}
