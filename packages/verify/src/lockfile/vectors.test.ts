import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import { isAssayError } from "@assay/core";
import {
  bunIntegrities,
  denoIntegrities,
  npmIntegrities,
  pnpmIntegrities,
  vltIntegrities,
  yarn1Integrities,
  yarn4Integrities,
} from "@assay/testkit/clients-lockfiles";
import { lockfileVectors, parseVector, readJson, refusalReasons } from "../../test/lockfile-vectors.ts";

const good = lockfileVectors("good");
assert.ok(good.length >= 55, `${good.length} good lockfiles`);

for (const vector of good) {
  test(`reads ${vector.client}/${vector.name} as its vector says`, () => {
    assert.ok(existsSync(vector.expected), "write it with test/write-expectations.ts, and review it");
    const { client, ...found } = parseVector(vector);
    assert.equal(client, vector.client);
    assert.deepEqual(JSON.parse(JSON.stringify(found)), readJson(vector.expected));
  });
}

const reasons = refusalReasons();
const bad = lockfileVectors("bad");
assert.ok(bad.length >= 95, `${bad.length} bad lockfiles`);

for (const vector of bad) {
  test(`refuses ${vector.client}/${vector.name} and says why`, () => {
    const reason = reasons[vector.client]?.[vector.name] ?? assert.fail("it has no reason");
    assert.throws(
      () => parseVector(vector),
      (error) => isAssayError(error, "BAD_FORMAT") && error.message.includes(reason),
    );
  });
}

test("every reason has its bad vector", () => {
  const named = Object.entries(reasons).flatMap(([client, each]) =>
    Object.keys(each).map((name) => `${client}/${name}`),
  );
  assert.deepEqual(named.sort(), bad.map(({ client, name }) => `${client}/${name}`).sort());
});

const searches = {
  npm: npmIntegrities,
  pnpm: pnpmIntegrities,
  yarn: yarn1Integrities,
  bun: bunIntegrities,
  deno: denoIntegrities,
  vlt: vltIntegrities,
};

const recorded = good.filter(({ name }) =>
  /^(?:npm1|pnpm1|yarn[14]|bun-|deno(?!1-)|vlt-).*-(?:registry|workspaces)$/.test(name),
);
assert.ok(recorded.length >= 12);

for (const vector of recorded) {
  test(`finds in ${vector.name} what a search by pattern finds, and no more`, () => {
    const { packages, unpinned } = parseVector(vector);
    const text = new TextDecoder().decode(vector.bytes);
    if (vector.name.startsWith("yarn4")) {
      const ids = unpinned.map(({ name, version }) => `${name}@${version}`);
      assert.ok([...yarn4Integrities(text).keys()].every((id) => ids.includes(id)));
      return;
    }
    // By digest: the search takes aliases by the name that they are installed under.
    const found = [...searches[vector.client as keyof typeof searches](text).values()];
    const sha512 = found.filter((integrity) => integrity.startsWith("sha512-"));
    assert.deepEqual(new Set<string>(packages.map(({ integrity }) => integrity)), new Set(sha512));
  });
}
