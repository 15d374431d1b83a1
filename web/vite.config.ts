/// <reference types="vitest/config" />
import { defineConfig } from "vite";

// Where `npm run dev` finds the API: a running cloud gateway.
const api = process.env.AGATA_API ?? "http://127.0.0.1:9001";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist/app",
    emptyOutDir: true,
    target: "es2022",
    // The console's policy is default-src 'self': nothing may be inlined as data:.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": { target: api, changeOrigin: true },
      "/openapi.yaml": { target: api, changeOrigin: true },
    },
  },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    environment: "node", // a test of the DOM says so itself: // @vitest-environment jsdom
    restoreMocks: true,
  },
});
