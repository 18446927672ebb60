/** How the client is built: hashed files under `dist`, which Django serves below /static/client/. */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  base: "/static/client/",
  resolve: { tsconfigPaths: true },
  build: {
    manifest: "manifest.json",
    // Inlined files would need `data:` in the policy for everything that a page loads.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: "src/app/main.tsx" },
  },
  test: { environment: "node" },
});
