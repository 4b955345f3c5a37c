import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfigFile } from "./file.ts";
import { readHostedNames } from "./hosted.ts";

function read(text: string) {
  const { hosted = [], problems } = readConfigFile(text, "f");
  const found = [...problems];
  return { ...readHostedNames(hosted, "/", found), problems: found };
}

test("reads names with whose they are, and where each stands", () => {
  const { hosted, rules, problems } = read(
    'hosted:\n  - {names: ["@acme/*", left-pad], organisation: acme, visibility: public}\n  - names: [x-*]\n    organisation: x\n    publish: stage-only\n',
  );
  assert.deepEqual(problems, []);
  const unsaid = { provenance: undefined, allowedSecrets: undefined };
  assert.deepEqual(hosted, [
    { names: ["@acme/*", "left-pad"], organisation: "acme", visibility: "public", publish: "direct", ...unsaid },
    { names: ["x-*"], organisation: "x", visibility: undefined, publish: "stage-only", ...unsaid },
  ]);
  assert.deepEqual(
    rules.map(({ pattern, source }) => `${pattern} ${source}`),
    ["@acme/* f:2:14", "left-pad f:2:25", "x-* f:3:13"],
  );
});

test("what a member says of provenance and secrets is about its own names", () => {
  const { hosted, problems } = read(
    `hosted:
  - {names: ["@acme/*"], organisation: acme, provenance: require, allowedSecrets: ["@acme/tls secrets/private-key a key.pem"]}
  - {names: ["@umbrella/*"], organisation: umbrella, provenance: off, allowedSecrets: []}
  - {names: ["@initech/*"], organisation: initech, provenance: warn}
`,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    hosted.map(({ provenance, allowedSecrets }) => ({ provenance, allowedSecrets })),
    [
      { provenance: "require", allowedSecrets: ["@acme/tls secrets/private-key a key.pem"] },
      { provenance: "off", allowedSecrets: [] },
      { provenance: "warn", allowedSecrets: undefined },
    ],
  );
  const one = (more: string) => read(`hosted: [{organisation: x, names: ["@x/*"], ${more}}]\n`).problems.join();
  assert.match(one("provenance: always"), /hosted\.provenance \(f:1:\d+\) is "always" but must be/);
  assert.match(one("allowedSecrets: [x]"), /hosted\.allowedSecrets \(f:1:\d+\)/);
  assert.match(
    one('allowedSecrets: ["@y/z secrets/npmrc .npmrc"]'),
    /hosted\.allowedSecrets \(f:1:\d+\) has @y\/z, which is none of the names beside it/,
  );
});

test("what is missing, unknown or no name is refused with its place", () => {
  assert.match(read("hosted: x\n").problems.join(), /^f:1:1: hosted must hold a list/);
  assert.match(read("hosted: [x]\n").problems.join(), /^f:1:10: a member of hosted/);
  assert.match(read("hosted: [{names: [x]}]\n").problems.join(), /f:1:10\) must say whose/);
  assert.match(read("hosted: [{organisation: x}]\n").problems.join(), /f:1:10\) must have names/);
  assert.match(
    read("hosted: [{organisation: x, names: [x], nam: 1}]\n").problems.join(),
    /hosted\.nam is not a setting/,
  );
  for (const organisation of ["Acme", "a..b", ".a", "@acme", "a/b", "-a"])
    assert.match(
      read(`hosted: [{organisation: "${organisation}", names: [x]}]\n`).problems.join(),
      /hosted\.organisation \(f:1:25\)/,
      organisation,
    );
});
