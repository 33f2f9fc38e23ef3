// What the HTTP API, the sync protocol and the control port stand on: the deployments by name,
// the one way in which a function is called, and the one listener.
import { createServer } from "node:http";

import { Deployment } from "./deployment.mjs";
import { Faults } from "./faults.mjs";
import { Doorkeeper } from "./tokens.mjs";

export const ROOT = "";
const KEEP_ALIVE_MS = 120_000; // longer than a client holds on to a connection

export class Host {
  #program;
  /** @type {Map<string, Deployment>} */
  #deployments = new Map();
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #port = 0;
  faults = new Faults();
  server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });

  /**
   * @param {import("./program.mjs").Program} program
   * @param {string | undefined} adminKey
   */
  constructor(program, adminKey) {
    this.#program = program;
    this.doorkeeper = new Doorkeeper(program.providers, adminKey);
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /**
   * Made when it is first asked for.
   * @param {string} name ROOT for the one without a prefix
   * @returns {Deployment}
   */
  deployment(name) {
    const known = this.#deployments.get(name);
    if (known) return known;
    const made = new Deployment(this.#program);
    this.#deployments.set(name, made);
    return made;
  }

  /** @param {string} name */
  drop(name) {
    this.#deployments.get(name)?.close();
    this.#deployments.delete(name);
  }

  /**
   * Calls a function with the faults that are set for it.
   * @param {string} name the deployment
   * @param {import("./deployment.mjs").Kind | "any"} kind
   * @param {string} path
   * @param {any} args
   * @param {import("./deployment.mjs").Caller} caller
   */
  async call(name, kind, path, args, caller) {
    await this.faults.before(name, path);
    const deployment = this.deployment(name);
    try {
      return await deployment.call(kind, path, args, caller);
    } finally {
      if (deployment.kindOf(path) === "mutation") this.faults.afterMutation(name, path, args);
    }
  }

  /**
   * @param {number} port 0: any, and from then on the same
   * @returns {Promise<string>} the address
   */
  async listen(port = this.#port) {
    if (!this.server.listening) await listening(this.server, port);
    const address = addressOf(this.server);
    this.#port = Number(new URL(address).port);
    return address;
  }

  /** As if the server had died: nobody listens, every connection is cut, the data is kept. */
  async hangUp() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** @param {import("node:http").Server} server */
export function addressOf(server) {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}

/**
 * @param {import("node:http").Server} server
 * @param {number} port
 * @returns {Promise<void>}
 */
export function listening(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
