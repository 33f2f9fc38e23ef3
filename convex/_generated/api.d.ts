/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as crons from "../crons.js";
import type * as files from "../files.js";
import type * as fragments from "../fragments.js";
import type * as health from "../health.js";
import type * as http from "../http.js";
import type * as identities from "../identities.js";
import type * as lib_access from "../lib/access.js";
import type * as lib_budget from "../lib/budget.js";
import type * as lib_errors from "../lib/errors.js";
import type * as lib_files from "../lib/files.js";
import type * as lib_fragments from "../lib/fragments.js";
import type * as lib_identities from "../lib/identities.js";
import type * as lib_links from "../lib/links.js";
import type * as lib_log from "../lib/log.js";
import type * as lib_messages from "../lib/messages.js";
import type * as lib_people from "../lib/people.js";
import type * as lib_progress from "../lib/progress.js";
import type * as lib_projects from "../lib/projects.js";
import type * as lib_queue from "../lib/queue.js";
import type * as lib_slack from "../lib/slack.js";
import type * as lib_usage from "../lib/usage.js";
import type * as lib_validators from "../lib/validators.js";
import type * as lib_version from "../lib/version.js";
import type * as links from "../links.js";
import type * as messages from "../messages.js";
import type * as people from "../people.js";
import type * as projects from "../projects.js";
import type * as retention from "../retention.js";
import type * as slack from "../slack.js";
import type * as streaming from "../streaming.js";
import type * as tasks from "../tasks.js";
import type * as usage from "../usage.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  crons: typeof crons;
  files: typeof files;
  fragments: typeof fragments;
  health: typeof health;
  http: typeof http;
  identities: typeof identities;
  "lib/access": typeof lib_access;
  "lib/budget": typeof lib_budget;
  "lib/errors": typeof lib_errors;
  "lib/files": typeof lib_files;
  "lib/fragments": typeof lib_fragments;
  "lib/identities": typeof lib_identities;
  "lib/links": typeof lib_links;
  "lib/log": typeof lib_log;
  "lib/messages": typeof lib_messages;
  "lib/people": typeof lib_people;
  "lib/progress": typeof lib_progress;
  "lib/projects": typeof lib_projects;
  "lib/queue": typeof lib_queue;
  "lib/slack": typeof lib_slack;
  "lib/usage": typeof lib_usage;
  "lib/validators": typeof lib_validators;
  "lib/version": typeof lib_version;
  links: typeof links;
  messages: typeof messages;
  people: typeof people;
  projects: typeof projects;
  retention: typeof retention;
  slack: typeof slack;
  streaming: typeof streaming;
  tasks: typeof tasks;
  usage: typeof usage;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
