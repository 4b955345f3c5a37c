import { posix } from "node:path";
import type { ManifestNotes } from "./notes.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Compares the commands (`bin`): what the registry lists must be in the archive's package.json, after npm's
 * own normalisation (string form, base names, `./`, leading slashes, `directories.bin` expanded).
 */
export function compareCommands(
  archive: Fields,
  listed: Fields,
  files: { has(path: string): boolean },
  notes: ManifestNotes,
): void {
  const own = commandMap(archive["bin"], archive["name"]);
  // Publishing tools put this field in the place of `bin`; it stands in the archive all the same.
  const replaced = commandMap(field(archive["publishConfig"], "bin"), archive["name"]);
  const folder = field(archive["directories"], "bin");
  const theirs = commandMap(listed["bin"], listed["name"]);
  for (const [command, target] of theirs) {
    if (own.get(command) === target || replaced.get(command) === target) continue;
    if (typeof folder === "string" && isInFolder(folder, command, target) && files.has(target)) continue;
    notes.refuse("manifest/bin", `the registry lists the command ${command} (${target}) but the archive does not`);
  }
  const missing = own.keys().find((command) => !theirs.has(command));
  if (missing !== undefined) notes.find("manifest/bin-missing", `the registry does not list the command ${missing}`);
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Fields)[key] : undefined;
}

function commandMap(bin: unknown, name: unknown): ReadonlyMap<string, string> {
  const commands = new Map<string, string>();
  const add = (command: string, target: unknown): void => {
    if (typeof target !== "string") return;
    const key = posix.basename(command.trim().replace(/[\\:]/g, "/"));
    const path = normalTarget(target);
    if (key !== "" && path !== "") commands.set(key, path);
  };
  if (typeof bin === "string") add(typeof name === "string" ? name : "", bin);
  else if (Array.isArray(bin)) {
    for (const target of bin) if (typeof target === "string") add(posix.basename(target), target);
  } else if (typeof bin === "object" && bin !== null) {
    for (const [command, target] of Object.entries(bin)) add(command, target);
  }
  return commands;
}

/** The path below the package, as npm's publish writes it: rooted, so it cannot climb. */
function normalTarget(target: string): string {
  return posix.join("/", target.trim().replace(/\\/g, "/")).slice(1);
}

function isInFolder(folder: string, command: string, target: string): boolean {
  const base = normalTarget(folder).replace(/\/$/, "");
  return target.startsWith(`${base}/`) && posix.basename(target) === command;
}
