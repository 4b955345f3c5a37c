import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bunIntegrities,
  denoIntegrities,
  npmIntegrities,
  pnpmIntegrities,
  vltIntegrities,
  yarn1Integrities,
  yarn4Integrities,
} from "./clients-lockfiles.ts";

const expected = { "@acme/lib@2.0.0-rc.1": "sha512-BBBB==", "plain@1.0.0": "sha512-AAAA==" };

function assertFinds(found: ReadonlyMap<string, string>): void {
  assert.deepEqual(Object.fromEntries(found), expected);
}

test("reads package-lock.json: aliases by their real name, links and the project left out", () => {
  assertFinds(
    npmIntegrities(
      JSON.stringify({
        lockfileVersion: 3,
        packages: {
          "": { name: "project", version: "1.0.0" },
          "node_modules/plain": { version: "1.0.0", integrity: "sha512-AAAA==" },
          "node_modules/a/node_modules/alias": {
            name: "@acme/lib",
            version: "2.0.0-rc.1",
            integrity: "sha512-BBBB==",
          },
          "node_modules/linked": { resolved: "../linked", link: true },
        },
      }),
    ),
  );
});

test("reads pnpm-lock.yaml: packages, not snapshots", () => {
  assertFinds(
    pnpmIntegrities(`lockfileVersion: '9.0'

packages:

  '@acme/lib@2.0.0-rc.1':
    resolution: {integrity: sha512-BBBB==}
    engines: {node: '>=18'}

  plain@1.0.0:
    resolution: {integrity: sha512-AAAA==}

snapshots:

  '@acme/lib@2.0.0-rc.1': {}

  plain@1.0.0(peer@3.0.0):
    dependencies:
      peer: 3.0.0
`),
  );
});

test("reads yarn.lock of Yarn 1", () => {
  assertFinds(
    yarn1Integrities(`# yarn lockfile v1


"@acme/lib@^2.0.0-rc.0", "@acme/lib@^2.0.0-rc.1":
  version "2.0.0-rc.1"
  resolved "http://127.0.0.1:1/@acme/lib/-/lib-2.0.0-rc.1.tgz#abc"
  integrity sha512-BBBB==
  dependencies:
    plain "^1.0.0"

plain@^1.0.0:
  version "1.0.0"
  resolved "http://127.0.0.1:1/plain/-/plain-1.0.0.tgz#abc"
  integrity sha512-AAAA==
`),
  );
});

test("reads yarn.lock of Yarn Berry: its own checksums", () => {
  const found = yarn4Integrities(`__metadata:
  version: 10

"@acme/lib@npm:^2.0.0":
  version: 2.0.0-rc.1
  resolution: "@acme/lib@npm:2.0.0-rc.1"
  checksum: 10c0/bbbb
  languageName: node
  linkType: hard

"project@workspace:.":
  version: 0.0.0-use.local
  resolution: "project@workspace:."
`);
  assert.deepEqual([...found], [["@acme/lib@2.0.0-rc.1", "10c0/bbbb"]]);
});

test("reads bun.lock", () => {
  assertFinds(
    bunIntegrities(`{
  "lockfileVersion": 1,
  "packages": {
    "@acme/lib": ["@acme/lib@2.0.0-rc.1", "", { "dependencies": { "plain": "^1.0.0" } }, "sha512-BBBB=="],

    "a/plain": ["plain@1.0.0", "http://127.0.0.1:1/plain/-/plain-1.0.0.tgz", {}, "sha512-AAAA=="],
  }
}
`),
  );
});

test("reads deno.lock: peers in the key are not the version", () => {
  assertFinds(
    denoIntegrities(
      JSON.stringify({
        version: "5",
        npm: {
          "@acme/lib@2.0.0-rc.1_plain@1.0.0": { integrity: "sha512-BBBB==" },
          "plain@1.0.0": { integrity: "sha512-AAAA==" },
        },
      }),
    ),
  );
});

test("reads vlt-lock.json, under any registry", () => {
  assertFinds(
    vltIntegrities(
      JSON.stringify({
        lockfileVersion: 1,
        nodes: {
          "~npm~@acme+lib@2.0.0-rc.1": [0, "@acme/lib", "sha512-BBBB=="],
          "~http%3A++127.0.0.1%3A4873+~plain@1.0.0~peer.1": [0, "plain", "sha512-AAAA=="],
        },
      }),
    ),
  );
});
