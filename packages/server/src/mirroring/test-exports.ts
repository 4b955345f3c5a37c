/** Rooms to export from and import into, and exports that were tampered with. Tests only. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion, type ErrorCode } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { trustLog, trustLogs } from "@assay/verify";
import { createTestRooms, type TestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";
import { createTarWriter } from "./container/tar-members.ts";
import type { ExportReport, ImportReport, Selection } from "./mirroring.ts";

export const never = new AbortController().signal;
export const name = parsePackageName;
export const everything: Selection = { names: [], used: true, lockfiles: [], versions: "locked", dependencies: false };

/** Rooms with the folder that they are in. */
export interface Place extends TestRooms {
  readonly folder: string;
}

let seed = 0;
let hostiles = 0;

/** Rooms whose log is sequenced, with a key of its own. */
export async function place(t: TestContext, options: TestRoomsOptions = {}): Promise<Place> {
  const folder = tempFolder(t);
  const rooms = await createTestRooms(folder, { seed: ++seed, ...options });
  const stop = new AbortController();
  const sequencing = rooms.checksums.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await sequencing;
    await rooms[Symbol.asyncDispose]();
  });
  return { ...rooms, folder };
}

export const vkeyOf = ({ checksums }: TestRooms): string => checksums.logs.list()[0]?.vkey ?? "";
export const trusting = (...rooms: TestRooms[]) => trustLogs(rooms.map((each) => trustLog(vkeyOf(each))));

/** An exporter that has three releases of two packages. */
export async function exporter(t: TestContext, options: TestRoomsOptions = {}): Promise<Place> {
  const here = await place(t, options);
  here.upstream.publish({ name: "left", version: "1.0.0", manifest: { dependencies: { "@s/right": "^1" } } });
  here.upstream.publish({ name: "left", version: "1.1.0" });
  here.upstream.publish({
    name: "@s/right",
    version: "1.0.0",
    files: { "large.bin": createSeededRandom(1).bytes(1_500_000) },
  });
  for (const [package_, version] of [
    ["left", "1.0.0"],
    ["left", "1.1.0"],
    ["@s/right", "1.0.0"],
  ] as const)
    await here.admission.admit(name(package_), parseVersion(version));
  return here;
}

export async function exportAll(
  from: Place,
  file = "out.assay.tar",
  selection = everything,
): Promise<ExportReport & { readonly path: string }> {
  const path = join(from.folder, file);
  const kind = file.endsWith(".tar") ? "file" : "folder";
  const report = await from.mirroring.exportTo({ path, kind, replace: true }, selection, { signal: never });
  return { ...report, path };
}

export const importInto = (to: TestRooms, path: string, policy = trusting(to)): Promise<ImportReport> =>
  to.mirroring.importFrom(path, { policy, signal: never });

export async function refused(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isAssayError(error, code), `expected ${code}, got ${String(error)}`);
  return error.message;
}

/** An export with some members changed, left out (undefined) or added. */
export async function changed(
  path: string,
  change: (member: string, bytes: Buffer) => Uint8Array | undefined,
  rename: (member: string) => string = (member) => member,
): Promise<string> {
  const bytes = readFileSync(path);
  const hostile = `${path}.${++hostiles}.hostile.tar`;
  await using writer = await createTarWriter(hostile, 0);
  for (let at = 0; bytes[at] !== 0;) {
    const member = bytes
      .subarray(at, at + 100)
      .toString()
      .replace(/\0+$/, "");
    const size = Number.parseInt(bytes.subarray(at + 124, at + 135).toString(), 8);
    const content = change(member, Buffer.from(bytes.subarray(at + 512, at + 512 + size)));
    if (content !== undefined) await writer.write(rename(member), content.byteLength, [content]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  await writer.finish();
  return hostile;
}

/** What the members hold, as far as tests change it. */
export interface EditedJson {
  format: unknown;
  packages: unknown;
  created: unknown;
  logs: { checkpoint: string }[];
  name: string;
  releases: EditedRelease[];
  versions: Record<string, Record<string, unknown> & { dist?: Record<string, unknown> }>;
  bundles: { hashes: string[]; records: { text: string }[] }[];
}

export interface EditedRelease {
  version: string;
  integrity: string | undefined;
  sizeBytes: number;
  fragment: string;
  isListed: boolean;
  [more: string]: unknown;
}

/** Changes the JSON of one member. */
export const edited = (path: string, member: string, edit: (value: EditedJson) => void): Promise<string> =>
  changed(path, (each, bytes) => {
    if (each !== member) return bytes;
    const value = JSON.parse(bytes.toString()) as EditedJson;
    edit(value);
    return Buffer.from(JSON.stringify(value));
  });

export const claimsOf = async ({ claims }: TestRooms): Promise<string[]> =>
  (await claims()).map(({ kind, version }) => `${kind} ${version}`).sort();
