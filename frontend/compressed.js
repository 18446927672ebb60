/** Writes each file of the build a second and third time, compressed, for the server to pick from. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

const WORTH_IT = /\.(js|css|svg|webmanifest)$/;

export function compressed() {
  let directory = "dist";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      directory = config.build.outDir;
    },
    async closeBundle() {
      const files = (await readdir(directory, { recursive: true })).filter((name) => WORTH_IT.test(name));
      await Promise.all(
        files.map(async (name) => {
          const file = join(directory, name);
          const content = await readFile(file);
          await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
          await writeFile(`${file}.br`, await promisify(brotliCompress)(content));
        }),
      );
    },
  };
}
