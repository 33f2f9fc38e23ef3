/** What was typed and not yet sent, kept in this tab: signing in may lead away from the page. */

/** @param {string} of Which box. @param {string} text */
export function keepDraft(of, text) {
  try {
    if (text) sessionStorage.setItem(`draft ${of}`, text);
    else sessionStorage.removeItem(`draft ${of}`);
  } catch {
    // A browser without storage forgets.
  }
}

/** @param {string} of @returns {string} */
export function keptDraft(of) {
  try {
    return sessionStorage.getItem(`draft ${of}`) ?? "";
  } catch {
    return "";
  }
}
