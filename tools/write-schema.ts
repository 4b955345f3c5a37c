/** Writes docs/operations/assay.schema.json: `node tools/write-schema.ts`. A test of `config` says when it is due. */
import { mkdir, writeFile } from "node:fs/promises";
import { renderSchema } from "../packages/server/src/config/schema.ts";

const folder = new URL("../docs/operations/", import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL("assay.schema.json", folder), renderSchema());
