/** Every call of the page: the client, with the token of whoever is signed in. */

import * as client from "/client.js";

/** @type {((refused: boolean) => Promise<string | null>) | undefined} */
let token;

/** From now on calls carry what this gives. @param {(refused: boolean) => Promise<string | null>} source */
export function callWith(source) {
  token = source;
}

export const get = (path, signal) => client.request("GET", path, { token, signal });
export const post = (path, body, signal) => client.request("POST", path, { token, signal, body });
export const text = async (path, signal) => (await client.send(path, {}, { token, signal })).text();
export const cancel = (taskId) => client.cancel(taskId, { token });
export const generate = (wanted, following) => client.generate(wanted, { token, ...following });
export const fixErrors = (projectId, following) =>
  client.fixErrors(projectId, { token, ...following });
export const importFigma = (url, following) => client.importFigma(url, { token, ...following });
export const importGithub = (url, following) => client.importGithub(url, { token, ...following });
export const follow = (taskId, following) => client.follow(taskId, { token, ...following });

/** Wait before asking again, the longer the more often it failed. */
export const later = (failures, signal) => client.pause(client.backoff(failures), signal);

/** A picture's address inside the page, or null when there is none; `revoke` it when it is done. */
export async function picture(path, signal) {
  try {
    return URL.createObjectURL(await (await client.send(path, {}, { token, signal })).blob());
  } catch {
    return null;
  }
}

/** Save an answer as a file, under the name that the server gives it. */
export async function download(path) {
  const response = await client.send(path, {}, { token });
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name ?? "app.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** An address below a project. @param {string} projectId @param {...string} parts */
export function projectPath(projectId, ...parts) {
  return ["/api/projects", projectId, ...parts]
    .map((part, at) => (at ? encodeURIComponent(part) : part))
    .join("/");
}
