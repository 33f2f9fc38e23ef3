/** Code on screen: plain at once, in colour when the server has said which piece is what. */

import { h } from "/page/dom.js";
import { post } from "/page/wire.js";

const COLOURED_MAX = 200_000; // characters, as the server has it

/** A line's pieces as elements: text is only ever put in as text. @param {[string, string][]} pieces */
export function pieces(pieces) {
  return pieces.map(([kind, text]) => (kind ? h("span", { class: `c-${kind}` }, text) : text));
}

/**
 * The lines of a text, `[kind, text]` pieces each; plain ones when they cannot be had.
 * @param {string} path @param {string} text @param {AbortSignal} [signal]
 * @returns {Promise<[string, string][][]>}
 */
export async function colours(path, text, signal) {
  if (text.length > COLOURED_MAX) return plain(text);
  try {
    return (await post("/api/highlight", { path, text }, signal)).lines;
  } catch {
    return plain(text);
  }
}

/** @param {string} text @returns {[string, string][][]} */
export function plain(text) {
  return text.split("\n").map((line) => [["", line]]);
}

/** A view of one file's text. `show` may be called again before the colours are there. */
export function codeView() {
  const body = h("code", {});
  const element = h(
    "pre",
    { class: "code", tabindex: 0, role: "region", "aria-label": "File content" },
    body,
  );
  let wanted = "";

  function draw(lines) {
    const last = lines.length - 1;
    body.replaceChildren(
      ...lines.map((line, at) => h("span", { class: "line" }, pieces(line), at < last ? "\n" : "")),
    );
  }

  return {
    element,
    /** @param {string} path @param {string} text */
    async show(path, text) {
      wanted = `${path}\0${text}`;
      const mine = wanted;
      if (body.textContent !== text) draw(plain(text));
      const lines = await colours(path, text);
      if (wanted === mine) draw(lines);
    },
    /** What is no code: why there is none. @param {string} words */
    say(words) {
      wanted = "";
      body.textContent = words;
    },
  };
}
