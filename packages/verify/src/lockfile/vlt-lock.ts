import { gather, isTarballName, judgeEntry, refuse, type Judged } from "./locked-entry.ts";
import type { Lockfile } from "./lockfile.ts";
import { asObject, asText, checkCount, checkPath, lockfileJson, lockfileText, malformed } from "./reading.ts";
import { splitVltId } from "./vlt-id.ts";

/**
 * Reads a `vlt-lock.json` of lockfileVersion 1. Its nodes are `id: [flags, name, integrity, resolved, …]`; the id says
 * which package that is, and of which registry (`vlt-id.ts`). Throws BAD_FORMAT, naming the place, for anything else.
 */
export function parseVltLock(bytes: Uint8Array): Lockfile {
  const root = asObject(lockfileJson(lockfileText(bytes)), "the file");
  if (root.get("lockfileVersion") !== 1) throw malformed("lockfileVersion must be 1");
  if (!root.has("nodes")) throw malformed("it has no `nodes`");
  const nodes = asObject(root.get("nodes"), "`nodes`");
  checkCount(nodes.size, "nodes");
  const judged: Judged[] = [];
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  for (const [key, value] of nodes) {
    const found = readNode(checkPath(key), value);
    if (found === "folders") skipped.folders += 1;
    else judged.push(found);
  }
  return { client: "vlt", format: "vlt 1", ...gather(judged), unpinned: [], skipped };
}

function readNode(path: string, value: unknown): Judged | "folders" {
  const where = `nodes[${JSON.stringify(path)}]`;
  if (!Array.isArray(value) || value.length < 2) throw malformed(`${where} is not a list of at least 2`);
  const node: readonly unknown[] = value;
  const id = splitVltId(path);
  if (id === undefined) throw malformed(`${where} is not the id of a package`);
  const name = asText(node[1] ?? "", `${where}[1]`);
  switch (id.kind) {
    case "workspace":
      return "folders";
    case "file":
      return isTarballName(id.place) ? refuse({ path, name, version: undefined }, "file") : "folders";
    case "git":
      return refuse({ path, name, version: undefined }, "git");
    case "remote":
      return refuse({ path, name, version: undefined }, "url");
    default: {
      const { package: spec, registry } = id;
      const at = spec.indexOf("@", 1);
      if (at < 0) throw malformed(`${where} is not the id of a package`);
      const entry = { path, name: spec.slice(0, at), version: spec.slice(at + 1) };
      if (registry === "jsr") return refuse(entry, "jsr");
      // JSON has null where a later element is set and this one is not.
      const integrity = node[2] === undefined || node[2] === null ? undefined : asText(node[2], `${where}[2]`);
      return judgeEntry({ ...entry, resolved: undefined, integrity });
    }
  }
}
