/** Writes docs/operations/assay.schema.json: `node packages/server/src/config/write-schema.ts`. A test says when it is due. */
import { mkdir, writeFile } from "node:fs/promises";
import { renderSchema } from "./schema.ts";

const folder = new URL("../../../../docs/operations/", import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL("assay.schema.json", folder), renderSchema());
