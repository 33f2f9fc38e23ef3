import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    environment: "edge-runtime", // the nearest to Convex's own
    include: ["**/*.test.ts"],
    server: { deps: { inline: ["convex-test"] } },
  },
});
