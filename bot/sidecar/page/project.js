/** What the server knows of the app on screen, and its files as they are just now. */

import { get, projectPath } from "/page/wire.js";

/** Before anything is known. */
export const NO_PROJECT = {
  projectId: null,
  messages: [],
  tasks: [],
  head: null,
  previewUrl: null,
  title: "",
  files: [],
  versions: [],
};

/**
 * The project with its files and versions; null when there is none. Files or versions that do not
 * answer keep the value of `before`, and it is not `whole`. Throws when the project does not answer.
 */
export async function openProject({ projectId, taskId }, before, signal) {
  const id = projectId ?? (await projectOf(taskId, signal));
  if (!id) return null;
  const [detail, files, versions] = await Promise.all([
    get(projectPath(id), signal),
    ...["files", "fragments"].map((part) => get(projectPath(id, part), signal).catch(() => null)),
  ]);
  return {
    ...detail,
    whole: Boolean(files && versions),
    files: files?.files ?? before.files,
    versions: versions?.fragments ?? before.versions,
  };
}

/** Whose task this is, when no frame has said so: only polling works. */
async function projectOf(taskId, signal) {
  if (!taskId) return null;
  const { projects } = await get("/api/projects", signal);
  return projects.find((one) => one.taskId === taskId)?.projectId ?? null;
}

/** The version's files with what the running task did to them on top. */
export function fileList(project, state, settled) {
  const list = new Map(
    project.files.map((file) => [file.path, { path: file.path, bytes: file.bytes, action: null }]),
  );
  if (settled && project.head !== state.complete?.fragmentId) return [...list.values()];
  for (const [path, { action, bytes }] of state.files) {
    if (!settled || list.has(path)) list.set(path, { path, bytes, action });
  }
  return [...list.values()];
}
