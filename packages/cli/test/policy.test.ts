import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { emptyFolder, runAssay } from "./run-assay.ts";

const ciOnly = `@id("ci-only")
@reason("releases come from CI only")
forbid (principal is Assay::Person, action == Assay::Action::"publish", resource) when { context.via == "token" };
`;

const cases = `people:
  olga: { organisations: { acme: owner } }
  tim: { organisations: { acme: developer }, teams: ["acme:ui"] }
  root: { admin: true }
bots:
  renovate: { organisations: { acme: developer }, teams: ["acme:bots"] }
ci:
  release: { packages: ["@acme/ui"], permissions: [publish] }
packages:
  "@acme/ui": { writers: ["acme:ui"], readers: ["acme:bots"] }
cases:
  - { who: tim, action: publish, what: "@acme/ui", expect: allowed, by: teams-write }
  - { who: tim, action: publish, what: "@acme/ui", via: token, expect: refused, by: ci-only }
  - { who: "ci:release", action: publish, what: "@acme/ui", expect: allowed }
  - { who: "bot:renovate", action: publish, what: "@acme/ui", expect: refused }
  - { who: anonymous, action: read, what: "@acme/ui", expect: hidden }
  - { who: root, action: administer, what: registry, expect: allowed, by: administrators }
  - { who: olga, action: administer, what: "organisation:acme", expect: allowed }
`;

test("cases are decided by the policies here; one that comes out otherwise fails and says how", async (context) => {
  const folder = await emptyFolder(context);
  await mkdir(join(folder, "policies"));
  await writeFile(join(folder, "policies", "shop.cedar"), ciOnly);
  await writeFile(join(folder, "cases.yaml"), cases);
  const good = await runAssay(folder, ["policy", "test", "cases.yaml"]);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /✓ tim publish @acme\/ui: refused by ci-only: releases come from CI only\n/);
  assert.match(good.stdout, /All 7 cases hold/);
  await writeFile(join(folder, "cases.yaml"), cases.replace("expect: hidden", "expect: allowed"));
  const bad = await runAssay(folder, ["policy", "test", "cases.yaml"]);
  assert.equal(bad.code, 1, bad.stdout);
  assert.match(bad.stdout, /✗ anonymous read @acme\/ui: hidden by no policy: .*; expected: allowed/);
  await writeFile(join(folder, "cases.yaml"), cases.replace("expect: hidden", "expect: gone"));
  const wrong = await runAssay(folder, ["policy", "test", "cases.yaml"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /cases\.yaml: cases\[4\]\.expect must be allowed or refused or hidden/);
});

test("check says which file is wrong, where and why; a start refuses the same", async (context) => {
  const folder = await emptyFolder(context);
  await mkdir(join(folder, "policies"));
  await writeFile(join(folder, "policies", "shop.cedar"), ciOnly);
  const good = await runAssay(folder, ["policy", "check"]);
  assert.deepEqual([good.code, good.stderr], [0, ""]);
  await writeFile(
    join(folder, "policies", "wrong.cedar"),
    `\n@id("x") permit (principal, action, resource) when { resource.nope };`,
  );
  const bad = await runAssay(folder, ["policy", "check"]);
  assert.equal(bad.code, 2, bad.stdout);
  assert.match(bad.stderr, /wrong\.cedar:2: attribute `nope`/);
});
