import { defineConfig } from "vite";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    outDir: "../src/livectl/server/console/dist",
    emptyOutDir: true,
    target: "es2022",
    // The pages' Content-Security-Policy has neither inline scripts nor data: fonts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // What is loaded when it is needed: livekit-client alone is more than the rest.
    chunkSizeWarningLimit: 700,
  },
  // `npx vite` while one works on it: the API is that of a running `livectl dev`.
  server: {
    proxy: {
      "/api": server,
      "/auth": server,
      "/socket.io": { target: server, ws: true },
    },
  },
});
