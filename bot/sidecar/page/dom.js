/** Small tools for the DOM. Text only ever goes in as text: nothing here parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4.5 4.5l7 7m0-7l-7 7",
  dash: "M4 8h8",
  plus: "M8 3v10M3 8h10",
  external: "M6.5 3.5h-3v9h9v-3M9.5 3h3.5v3.5M13 3L7.5 8.5",
  download: "M8 2.5v7m0 0l-3-3m3 3l3-3M3 13h10",
  restore: "M3 3v3.5h3.5M3.2 6.4A5.2 5.2 0 1 1 2.9 9",
  reload: "M13 3v3.5H9.5M12.8 6.4A5.2 5.2 0 1 0 13.1 9",
  arrow: "M8 13V3m0 0L3.8 7.2M8 3l4.2 4.2",
  stop: "M4.5 4.5h7v7h-7z",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  key: "M9.5 6.5a3 3 0 1 1-3-3 3 3 0 0 1 3 3zM8.7 8.7L13 13m-1.8-1.8l1.6-1.6",
  phone: "M5 2h6v12H5zM7.3 12h1.4",
  wrap: "M2.5 4h11M2.5 8h8.7a2 2 0 0 1 0 4H8m0 0l1.6-1.6M8 12l1.6 1.6M2.5 12h2.6",
  chevron: "M6 4l4 4-4 4",
};

/**
 * Make an element. `on…` properties listen, `class`, `aria-…` and the like become attributes;
 * null, undefined and false children and properties are left out.
 * @param {string} tag @param {Record<string, any>} [props] @param {...any} children @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** A 16-pixel line icon, hidden from screen readers. @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16",
    class: "icon",
    "aria-hidden": "true",
  })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Make a parent's children match a list, keeping the elements (and their focus) by key.
 * @template T
 * @param {HTMLElement} parent @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} create @param {(element: HTMLElement, item: T) => void} [update]
 */
export function reconcile(parent, items, key, create, update = () => {}) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = known.get(name);
    known.delete(name);
    if (!element) {
      element = create(item);
      element.dataset.key = name;
    }
    update(element, item);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const gone of known.values()) gone.remove();
}

/** Set text only when it differs, so that screen readers are not told twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The address, where it leads to the web: never `javascript:` and the like. @param {string} url */
export function webAddress(url) {
  if (!URL.canParse(url, location.href)) return null;
  const { href, protocol } = new URL(url, location.href);
  return protocol === "http:" || protocol === "https:" ? href : null;
}

/** Show or hide. */
export function show(element, visible) {
  element.hidden = !visible;
}

/** `42 s`, `3 min 05 s`. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** `812 B`, `4.1 kB`. @param {number} bytes */
export function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** `1 file`, `3 files`. @param {number} number @param {string} noun */
export function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** `812`, `4.1k`, `2.3M`. @param {number} number */
export function count(number) {
  if (number < 1000) return String(number);
  return number < 1e6 ? `${(number / 1000).toFixed(1)}k` : `${(number / 1e6).toFixed(1)}M`;
}

/** `$0.0042`, `$1.20`. @param {number} amount */
export function dollars(amount) {
  return `$${amount.toFixed(amount > 0 && amount < 0.1 ? 4 : 2)}`;
}

/** `just now`, `5 min ago`, `3 h ago`, or a date. @param {string} iso */
export function ago(iso) {
  const minutes = Math.floor((Date.now() - Date.parse(iso)) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return new Date(iso).toLocaleDateString(undefined, {
    day: "numeric",
    month: "short",
    year: "numeric",
  });
}

/** `Next.js` for `nextjs`. */
export function frameworkName(key) {
  return (
    { nextjs: "Next.js", react: "React", vue: "Vue", angular: "Angular", svelte: "Svelte" }[key] ??
    key ??
    ""
  );
}
