import { readFileSync, readdirSync } from "node:fs";
import { parseLockfile, type Lockfile } from "../src/index.ts";

const root = new URL("../../../vectors/lockfiles/", import.meta.url);

/** The name under which each client keeps the lockfiles of its folder in `vectors/lockfiles`. */
const fileNames: Readonly<Record<string, string>> = {
  npm: "package-lock.json",
  pnpm: "pnpm-lock.yaml",
  yarn: "yarn.lock",
  bun: "bun.lock",
  deno: "deno.lock",
  vlt: "vlt-lock.json",
};

/** One file of `vectors/lockfiles/good` or `bad`. */
export interface LockfileVector {
  readonly client: string;
  /** Without its ending. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Beside it, what must come out. */
  readonly expected: URL;
}

/** Every vector of one folder, by client and name. */
export function lockfileVectors(kind: "good" | "bad"): readonly LockfileVector[] {
  return Object.keys(fileNames).flatMap((client) => {
    const folder = new URL(`${kind}/${client}/`, root);
    return readdirSync(folder)
      .filter((file) => !file.endsWith(".expect.json") && file !== "reasons.json")
      .map((file) => {
        const name = file.replace(/\.[a-z]+$/, "");
        const bytes = readFileSync(new URL(file, folder));
        return { client, name, bytes, expected: new URL(`${name}.expect.json`, folder) };
      });
  });
}

/** By client, then by name: a part of the sentence that a bad vector is refused with. */
export function refusalReasons(): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return Object.fromEntries(
    Object.keys(fileNames).map((client) => [client, readJson(new URL(`bad/${client}/reasons.json`, root))]),
  ) as Record<string, Record<string, string>>;
}

export function readJson(place: URL): unknown {
  return JSON.parse(readFileSync(place, "utf8"));
}

/** The name under which a client keeps its lockfile. */
export function lockfileFileName(client: string): string {
  return fileNames[client] ?? "";
}

/** What the reader of its client makes of a vector. */
export function parseVector({ client, bytes }: LockfileVector): Lockfile {
  return parseLockfile(lockfileFileName(client), bytes);
}
