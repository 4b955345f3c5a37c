/**
 * Installs the pinned package managers of `packages/testkit/clients` when they are missing or their lockfile
 * changed, about 20 s and 600 MB. Run as a program or called by the test runner.
 */
import path from "node:path";
import { installPinned, isInstalled } from "./install-pinned.ts";

/** Folder with the pinned clients' own package.json and lockfile. */
export const clientsFolder: string = path.join(import.meta.dirname, "..", "clients");

/** True when what is installed is what the lockfile says. */
export function clientsAreInstalled(): boolean {
  return isInstalled({ folder: clientsFolder });
}

/** `installPinned` of the clients. */
export async function installClients(say: (line: string) => void): Promise<void> {
  const what = "the pinned package managers (npm, pnpm, yarn, bun, deno, vlt), about 600 MB";
  await installPinned({ folder: clientsFolder, what }, say);
}

if (import.meta.main) {
  await installClients((line) => process.stdout.write(`${line}\n`));
}
