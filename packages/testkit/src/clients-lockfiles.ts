/**
 * What each lockfile format says the bytes of a package are: `name@version` → the text that the format
 * holds (an SRI string; Yarn Berry: the checksum of its own archive, `10c0/<hex>`). Entries without one
 * (links, the project itself) are left out. The inputs are files that a client just wrote, not untrusted text.
 */

/** `name@version` → integrity, as the lockfile writes it. */
export type Integrities = ReadonlyMap<string, string>;

/** package-lock.json, lockfileVersion 2 and 3. */
export function npmIntegrities(text: string): Integrities {
  const lock = JSON.parse(text) as {
    packages?: Record<string, { name?: string; version?: string; integrity?: string }>;
  };
  const found = new Map<string, string>();
  for (const [where, entry] of Object.entries(lock.packages ?? {})) {
    const name = entry.name ?? where.split("node_modules/").at(-1);
    if (where === "" || name === undefined) continue;
    if (entry.version !== undefined && entry.integrity !== undefined) {
      found.set(`${name}@${entry.version}`, entry.integrity);
    }
  }
  return found;
}

/** pnpm-lock.yaml, lockfileVersion 9: `  name@version:` then `    resolution: {integrity: …}`. */
export function pnpmIntegrities(text: string): Integrities {
  return pairs(text, /^ {2}'?((?:@[^@\s/]+\/)?[^@\s'/]+@[^\s'(:]+)'?:\n {4}resolution: \{integrity: ([^,}\s]+)/gm);
}

/** yarn.lock of Yarn 1: `name@range, …:`, `version "…"`, then `integrity …`. */
export function yarn1Integrities(text: string): Integrities {
  const found = new Map<string, string>();
  for (const block of text.split(/\n(?=\S)/)) {
    const name = /^"?((?:@[^@/"]+\/)?[^@/"\s]+)@/.exec(block)?.[1];
    const version = /^ {2}version "([^"]+)"/m.exec(block)?.[1];
    const integrity = /^ {2}integrity (\S+)/m.exec(block)?.[1];
    if (name !== undefined && version !== undefined && integrity !== undefined) {
      found.set(`${name}@${version}`, integrity);
    }
  }
  return found;
}

/** yarn.lock of Yarn Berry: its checksum covers Yarn's own archive, so it compares with Berry's alone. */
export function yarn4Integrities(text: string): Integrities {
  const found = new Map<string, string>();
  for (const block of text.split(/\n(?=\S)/)) {
    const resolution = /^ {2}resolution: "((?:@[^@/]+\/)?[^@/]+)@npm:([^":]+)/m.exec(block);
    const checksum = /^ {2}checksum: (\S+)/m.exec(block)?.[1];
    if (resolution !== null && checksum !== undefined) {
      found.set(`${resolution[1]}@${resolution[2]}`, checksum);
    }
  }
  return found;
}

/** bun.lock: `"key": ["name@version", "url", {…}, "sha512-…"]`. */
export function bunIntegrities(text: string): Integrities {
  return pairs(text, /^ {4}"[^"]+": \["([^"]+)", .*"(sha\d+-[^"]+)"\],?$/gm);
}

/** deno.lock: `npm` is keyed by name@version with `_peer@version` suffixes. */
export function denoIntegrities(text: string): Integrities {
  const lock = JSON.parse(text) as { npm?: Record<string, { integrity?: string }> };
  const found = new Map<string, string>();
  for (const [key, entry] of Object.entries(lock.npm ?? {})) {
    const id = /^(?:@[^@/]+\/)?[^@]+@[^_]+/.exec(key)?.[0];
    if (id !== undefined && entry.integrity !== undefined) found.set(id, entry.integrity);
  }
  return found;
}

/** vlt-lock.json: nodes are keyed `~<registry>~scope+name@version[~extra]`: [flags, name, integrity, …]. */
export function vltIntegrities(text: string): Integrities {
  const lock = JSON.parse(text) as { nodes?: Record<string, readonly unknown[]> };
  const found = new Map<string, string>();
  for (const [key, [, name, integrity]] of Object.entries(lock.nodes ?? {})) {
    const version = key.split("~")[2]?.split("@").at(-1);
    if (version !== undefined && typeof name === "string" && typeof integrity === "string") {
      found.set(`${name}@${version}`, integrity);
    }
  }
  return found;
}

function pairs(text: string, pattern: RegExp): Integrities {
  const found = new Map<string, string>();
  for (const [, id, integrity] of text.matchAll(pattern)) {
    if (id !== undefined && integrity !== undefined) found.set(id, integrity);
  }
  return found;
}
