/** Whether a version is whole or not there at all, as clients see it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { leafHash, openNote, parseCheckpoint, parseTlogProof, verifier, verifyInclusion } from "@assay/core";
import { setTimeout as delay } from "node:timers/promises";
import type { RawAnswer } from "@assay/testkit/raw-http";
import type { KilledRegistry } from "./killed-registry.ts";
import type { Attempt } from "./plan.ts";

const readyWithinMs = 60_000;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

interface Packument {
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<
    Record<string, { readonly dist: { readonly integrity: string; readonly signatures?: readonly unknown[] } }>
  >;
}

/** Place and text of a record in its log. */
export interface Place {
  readonly origin: string;
  readonly index: number;
  readonly record: string;
}

/** Looks at versions of one start of the server: packuments and keys are asked for once. */
export interface Looker {
  /** Where the version stands in the log, when it is whole; undefined when nothing is there; fails for anything else. */
  look(attempt: Attempt): Promise<Place | undefined>;
}

export function createLooker(registry: KilledRegistry): Looker {
  const packuments = new Map<string, Promise<Packument | undefined>>();
  let keys: ReadonlyMap<string, string> = new Map();

  async function readPackument(name: string): Promise<Packument | undefined> {
    const answer = await registry.ask(`/${name.replace("/", "%2f")}`);
    if (answer.status === 404) return undefined;
    assert.equal(answer.status, 200, `${name}: ${answer.text()}`);
    const packument = answer.json() as unknown as Packument;
    for (const [tag, version] of Object.entries(packument["dist-tags"]))
      assert.ok(version in packument.versions, `the tag ${tag} of ${name} points at ${version}, which is not there`);
    return packument;
  }

  async function readKeys(): Promise<ReadonlyMap<string, string>> {
    const { logs } = (await registry.ask("/-/log/")).json() as { logs: { origin: string; vkey: string }[] };
    return new Map(logs.map(({ origin, vkey }) => [origin, vkey]));
  }

  /** What was committed and not signed yet is signed soon; on PostgreSQL once the lead of the dead has fallen. */
  async function askUntilReady(at: string): Promise<RawAnswer> {
    const untilMs = performance.now() + readyWithinMs;
    for (;;) {
      const answer = await registry.ask(at);
      if (answer.status !== 503 || performance.now() > untilMs) return answer;
      await delay(200);
    }
  }

  async function provenPlace({ name, version }: Attempt, integrity: string): Promise<Place> {
    const spec = `${name}@${version}`;
    const answer = await askUntilReady(`/-/log/proof/${spec}`);
    assert.equal(answer.status, 200, `${spec} has no proof: ${answer.text()}`);
    const { extra = new Uint8Array(), index, proof, checkpoint } = parseTlogProof(answer.text());
    const origin = checkpoint.slice(0, checkpoint.indexOf("\n"));
    // A log may open while these are looked at.
    if (!keys.has(origin)) keys = await readKeys();
    const vkey = keys.get(origin);
    assert.ok(vkey !== undefined, `${spec} is proven in ${origin}, which is not among the logs`);
    const { size, root } = parseCheckpoint((await openNote(checkpoint, [await verifier(vkey)])).text);
    assert.ok(verifyInclusion(sha256, { size, root, index, leafHash: leafHash(sha256, extra), proof }), spec);
    const record = Buffer.from(extra).toString();
    assert.match(origin, /\/org-(?:acme|umbrella)-/);
    for (const line of [`name ${name}`, `version ${version}`, `integrity ${integrity}`])
      assert.ok(record.includes(`\n${line}\n`), `the record of ${spec} has no line "${line}":\n${record}`);
    return { origin, index, record };
  }

  return {
    async look(attempt) {
      const { name, version } = attempt;
      if (!packuments.has(name)) packuments.set(name, readPackument(name));
      const listed = (await packuments.get(name))?.versions[version];
      const file = `/${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
      const tarball = await registry.ask(file);
      const attestations = `/-/npm/v1/attestations/${name.replace("/", "%2f")}@${version}`;
      if (listed === undefined) {
        for (const at of [`/-/log/proof/${name}@${version}`, `/-/log/lookup/${name}@${version}`, attestations])
          assert.equal((await registry.ask(at)).status, 404, `${at}, though ${name} does not list it`);
        assert.equal(tarball.status, 404, `${file}, though ${name} does not list it`);
        return undefined;
      }
      assert.equal(tarball.status, 200, `${file} is listed: ${tarball.text()}`);
      assert.equal(createHash("sha512").update(tarball.body).digest("hex"), attempt.sha512, file);
      const integrity = `sha512-${Buffer.from(attempt.sha512, "hex").toString("base64")}`;
      assert.equal(listed.dist.integrity, integrity);
      assert.equal(listed.dist.signatures?.length, 1, `${file} is not signed`);
      if (attempt.hasProvenance) assert.equal((await registry.ask(attestations)).status, 200, attestations);
      return await provenPlace(attempt, integrity);
    },
  };
}
