/** Builds the service worker with its address unhashed, and tells it the names of this build's files. */
import { createHash } from "node:crypto";

const ENTRY = "service-worker";

export function serviceWorker() {
  let base = "/";
  return {
    name: "service-worker",
    apply: "build",
    config: () => ({
      build: {
        rolldownOptions: {
          output: { entryFileNames: ({ name }) => (name === ENTRY ? "[name].js" : "assets/[name]-[hash].js") },
        },
      },
    }),
    configResolved(config) {
      base = config.base;
    },
    generateBundle(_, bundle) {
      const worker = bundle[`${ENTRY}.js`];
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/")).sort();
      const build = createHash("sha256").update(files.join()).digest("hex").slice(0, 12);
      worker.code = worker.code
        .replaceAll("__BUILD__", JSON.stringify(build))
        .replaceAll("__FILES__", JSON.stringify(files.map((name) => base + name)));
    },
  };
}
