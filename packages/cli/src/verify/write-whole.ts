import { open, rename } from "node:fs/promises";
import type { CliContext } from "../context.ts";

/** Writes a file so that a reader sees the old one or the whole new one. Creates it with the usual rights. */
export async function writeWhole(
  context: Pick<CliContext, "uniqueName">,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const unfinished = `${path}.${context.uniqueName()}`;
  const file = await open(unfinished, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}
