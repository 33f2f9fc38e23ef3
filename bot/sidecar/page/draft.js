/**
 * What was typed and not yet accepted, kept in this tab: signing in may lead away from the page.
 * Each person has their own, one for the start page and one for each app.
 */

/** The start page's draft; those of apps are called by their project. */
export const NEW = "new";

const PREFIX = "draft ";
let mine = PREFIX;

/** From now on drafts are this person's; those of others are forgotten. @param {string} identity */
export function draftsOf(identity) {
  mine = `${PREFIX}${identity} `;
  forget((key) => !key.startsWith(mine));
}

/** Whoever comes next finds nothing. */
export function forgetDrafts() {
  forget(() => true);
}

/** @param {string} of Which box. @param {string} text */
export function keepDraft(of, text) {
  try {
    if (text) sessionStorage.setItem(mine + of, text);
    else sessionStorage.removeItem(mine + of);
  } catch {
    // A browser without storage forgets.
  }
}

/** @param {string} of @returns {string} */
export function keptDraft(of) {
  try {
    return sessionStorage.getItem(mine + of) ?? "";
  } catch {
    return "";
  }
}

/** These words were accepted; what was typed after them stays. @param {string} of @param {string} words */
export function acceptDraft(of, words) {
  if (keptDraft(of).trim() === words.trim()) keepDraft(of, "");
}

/** @param {(key: string) => boolean} which */
function forget(which) {
  try {
    for (const key of Object.keys(sessionStorage))
      if (key.startsWith(PREFIX) && which(key)) sessionStorage.removeItem(key);
  } catch {
    // There was nothing to forget.
  }
}
