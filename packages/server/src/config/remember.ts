import { link, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";

/** The file in a data folder that holds what was found out at the first start. */
export function rememberedFile(dataFolder: string): string {
  return join(dataFolder, "assay.yaml");
}

/**
 * Remembers the upstream that npm was configured for, without credentials: from now on npm may be pointed at
 * this server. Does nothing when the file exists. Durable on return; a crash leaves the whole file or none.
 */
export async function rememberUpstream(dataFolder: string, url: string): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const path = rememberedFile(dataFolder);
  const temporary = `${path}.${process.pid}.new`;
  const text = `# Found in npm's configuration at the first start. Change it here, or overrule it in your own assay.yaml.\n${stringify({ upstream: { url } })}`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // A link fails where a rename would replace what somebody else has written meanwhile.
    await link(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  const folder = await open(dataFolder, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
