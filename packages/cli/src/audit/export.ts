import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliContext, ExitCode } from "../context.ts";
import { openInstallation, type InstallationOptions } from "../rooms.ts";

/** Writes the trail up to now. */
export async function runAuditExport(
  context: CliContext,
  { out, ...installation }: InstallationOptions & { readonly out?: string },
): Promise<ExitCode> {
  const opened = await openInstallation(context, installation);
  await using rooms = opened.rooms;
  await rooms.audit.catchUp();
  if (out === undefined) {
    for await (const entry of rooms.audit.all()) context.stdout.write(`${JSON.stringify(entry)}\n`);
    return 0;
  }
  await using file = await open(resolve(context.cwd, out), "w", 0o600);
  let count = 0;
  for await (const entry of rooms.audit.all()) {
    await file.write(`${JSON.stringify(entry)}\n`);
    count += 1;
  }
  await file.sync();
  context.stdout.write(`${count} acts in ${out}.\n`);
  return 0;
}
