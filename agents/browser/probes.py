"""What is asked inside the page. Each is a JavaScript function that Playwright calls there."""

WATCH = """async (quietMs) => {
  const after = (ms) => new Promise((done) => setTimeout(done, ms));
  await after(quietMs);
  await Promise.race([new Promise((done) => requestAnimationFrame(done)), after(200)]);
}"""
"""Returns when the page's own timers of this many milliseconds have run and it has been drawn."""

PROBE = """(htmlLimit) => {
  const text = (element) => (element?.innerText ?? "").trim();
  const overlay = () => {
    const vite = document.querySelector("vite-error-overlay")?.shadowRoot;
    if (vite) {
      const parts = [".message", ".file", ".frame", ".stack"];
      return parts.map((part) => text(vite.querySelector(part))).join("\\n");
    }
    const next = document.querySelector("nextjs-portal")?.shadowRoot;
    const dialog = next?.querySelector("[data-nextjs-dialog], [role=dialog]");
    if (dialog) return text(dialog) || "Next.js shows an error.";
    const webpack = document.querySelector("iframe#webpack-dev-server-client-overlay");
    return webpack ? text(webpack.contentDocument?.body) || "webpack shows an error." : "";
  };

  const giveUpAt = performance.now() + 1500;
  const seen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const sized = (element, least) => {
    const box = element.getBoundingClientRect();
    return box.width >= least && box.height >= least;
  };
  const solid = (color) => !/^transparent$|[,/] *0(\\.0+)?%?\\)$/.test(color);
  const backgrounds = [document.documentElement, document.body]
    .filter(Boolean)
    .map((element) => getComputedStyle(element).backgroundColor);
  const isPicture = (element) => {
    switch (element.localName) {
      case "img":
        return element.complete && element.naturalWidth > 0;
      case "svg":
        return element.querySelector("path, rect, circle, ellipse, line, polygon, polyline, " +
          "text, use, image, foreignObject") !== null;
      case "canvas": case "video": case "iframe": case "object": case "embed": case "input":
      case "button": case "textarea": case "select": case "progress": case "meter":
        return true;
    }
    if (element === document.documentElement || element === document.body) {
      return getComputedStyle(element).backgroundImage !== "none";
    }
    const style = getComputedStyle(element);
    return style.backgroundImage !== "none" ||
      (solid(style.backgroundColor) && !backgrounds.includes(style.backgroundColor));
  };
  const hasText = (node) => {
    if (!/\\S/.test(node.data) || !node.parentElement) return false;
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getClientRects().length > 0 && seen(node.parentElement);
  };
  const showsSomething = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      if (performance.now() > giveUpAt) return true;
      if (node.nodeType === Node.TEXT_NODE) {
        if (hasText(node)) return true;
      } else if (node.nodeType === Node.ELEMENT_NODE) {
        if (sized(node, 4) && isPicture(node) && seen(node)) return true;
        if (node.shadowRoot && showsSomething(node.shadowRoot)) return true;
      }
    }
    return false;
  };

  return {
    overlay: overlay().slice(0, 8000),
    blank: !document.documentElement || !showsSomething(document.documentElement),
    html: (document.body?.outerHTML ?? "").slice(0, htmlLimit),
  };
}"""
"""The error overlay's text, whether nothing can be seen, and the page as scripts have made it."""
