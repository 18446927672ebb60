/** How the client is built: hashed files under `dist`, which Django serves below /static/client/. */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vitest/config";
import { compressed } from "./compressed.js";
import { serviceWorker } from "./worker/build.js";

/** Sonner writes its styles into the page by script, which our policy forbids: they are in our own file. */
const sonnerWithoutStyles: Plugin = {
  name: "sonner-without-styles",
  transform: (code, id) =>
    id.includes("/sonner/dist/") && id.endsWith(".mjs") ? code.replace(/^__insertCSS\(".*"\);?$/m, "") : null,
};

export default defineConfig({
  plugins: [react(), tailwindcss(), sonnerWithoutStyles, serviceWorker(), compressed()],
  base: "/static/client/",
  resolve: { tsconfigPaths: true },
  build: {
    manifest: "manifest.json",
    // Inlined files would need `data:` in the policy for everything that a page loads.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["src/app/main.tsx", "worker/service-worker.ts"],
      // In one piece: several would be loaded all the same, and compress worse.
      output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"], test: /\/(?:src|node_modules)\// }] } },
    },
  },
  // `npm run dev` beside a running ParkMate.
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/ws": { target: "ws://127.0.0.1:8000", ws: true } } },
  test: { environment: "node" },
});
