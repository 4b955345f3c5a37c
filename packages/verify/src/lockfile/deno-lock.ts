import { gather, judgeEntry, refuse, type Judged } from "./locked-entry.ts";
import type { Lockfile } from "./lockfile.ts";
import {
  asObject,
  checkCount,
  checkPath,
  lockfileJson,
  lockfileText,
  malformed,
  optionalObject,
  optionalText,
} from "./reading.ts";

type Fields = ReadonlyMap<string, unknown>;

/**
 * Reads a `deno.lock` of version 3, 4 or 5. Packages of npm are held against the log; those of JSR and modules
 * fetched by URL are named as what no log binds.
 *
 * Throws BAD_FORMAT, naming the place, for anything else.
 */
export function parseDenoLock(bytes: Uint8Array): Lockfile {
  const root = asObject(lockfileJson(lockfileText(bytes)), "the file");
  const version = root.get("version");
  if (version === "1" || version === "2")
    throw malformed(`version ${version} is older than 3; write it again with Deno 1.37 or later: deno install`);
  if (version !== "3" && version !== "4" && version !== "5") throw malformed('version must be "3", "4" or "5"');
  const holder = version === "3" ? optionalObject(root, "packages", "the file") : root;
  const npm = optionalObject(holder, "npm", "the file");
  const jsr = optionalObject(holder, "jsr", "the file");
  const remote = optionalObject(root, "remote", "the file");
  checkCount(npm.size + jsr.size + remote.size, "packages");
  const judged = [
    ...[...npm].map(([key, value]) => npmPackage(checkPath(key), value)),
    ...[...jsr.keys()].map((key) => jsrPackage(checkPath(key))),
    ...[...remote.keys()].map((key) => remoteModule(checkPath(key))),
  ];
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  return { client: "deno", format: `deno ${version}`, ...gather(judged), unpinned: [], skipped };
}

/** `name@version`, behind an underscore the peers: they choose no other bytes. */
function npmPackage(key: string, value: unknown): Judged {
  const where = `npm[${JSON.stringify(key)}]`;
  const fields: Fields = asObject(value, where);
  const at = key.indexOf("@", 1);
  if (at < 0) throw malformed(`${where} is not <name>@<version>`);
  const [version = ""] = key.slice(at + 1).split("_", 1);
  const integrity = optionalText(fields, "integrity", where);
  const entry = { path: key, name: key.slice(0, at), version };
  // Of packages without a sha512 Deno keeps the sha1 in hex.
  if (/^[0-9a-f]{40}$/.test(integrity ?? "")) return refuse(entry, "weak-integrity");
  return judgeEntry({ ...entry, resolved: undefined, integrity });
}

function jsrPackage(key: string): Judged {
  const at = key.indexOf("@", 1);
  const name = `jsr:${at < 0 ? key : key.slice(0, at)}`;
  return refuse({ path: key, name, version: at < 0 ? undefined : key.slice(at + 1) }, "jsr");
}

/** Named by its host, so that one permission covers all modules of a host. */
function remoteModule(url: string): Judged {
  const name = URL.canParse(url) ? new URL(url).origin : url;
  return refuse({ path: url, name, version: undefined }, "remote-module");
}
