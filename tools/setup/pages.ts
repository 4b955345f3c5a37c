/** Bundles the pages of `packages/web` into one module that the server imports. */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const web = new URL("../../packages/web/", import.meta.url);

await build({
  entryPoints: [fileURLToPath(new URL("src/index.ts", web))],
  outfile: fileURLToPath(new URL("dist/index.js", web)),
  bundle: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  jsx: "automatic",
  jsxImportSource: "preact",
  target: "es2024",
  legalComments: "none",
  logLevel: "warning",
});
