import { open, rename, stat } from "node:fs/promises";
import type { CliContext } from "../context.ts";

/** Writes a file so that a reader sees the old one or the whole new one. One that is replaced keeps its mode. */
export async function writeWhole(
  context: Pick<CliContext, "uniqueName">,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const unfinished = `${path}.${context.uniqueName()}`;
  const mode = (await stat(path).catch(() => undefined))?.mode;
  const file = await open(unfinished, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}
