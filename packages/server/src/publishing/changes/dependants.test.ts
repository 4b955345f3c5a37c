import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { dependantInWords, dependantOf, type Listed } from "./dependants.ts";

const listed = (name: string, manifest: object): Listed =>
  ({ name, version: "3.0.0", manifest: JSON.stringify(manifest) }) as Listed;
const wanted = { name: "@a/x", version: "1.2.0" };

test("a version is needed by who names it with a range that it satisfies, or with a tag", () => {
  assert.equal(dependantOf(wanted, [listed("@a/y", { dependencies: { "@a/x": "^1.0.0" } })])?.name, "@a/y");
  assert.equal(dependantOf(wanted, [listed("@a/y", { peerDependencies: { "@a/x": "latest" } })])?.name, "@a/y");
  const others = [
    listed("@a/x", { dependencies: { "@a/x": "*" } }),
    listed("@a/y", { dependencies: { "@a/x": "^2.0.0" } }),
    listed("@a/z", { description: "@a/x", dependencies: "@a/x" }),
    listed("@a/w", { devDependencies: { "@a/x": "*" } }),
  ];
  assert.equal(dependantOf(wanted, others), undefined);
});

test("a private package of another organisation is not called by its name", () => {
  const [ours, theirs, open] = ["@a/y", "@b/secret", "@b/open"].map(parsePackageName);
  assert.ok(ours && theirs && open);
  const names = {
    organisationOf: (name: string) => name.slice(1, 2),
    find: (name: string) => ({ visibility: name === open ? "public" : "restricted" }) as never,
  };
  const words = (name: string) => dependantInWords(names, parsePackageName("@a/x"), { name, version: "3.0.0" });
  assert.match(words(ours), /@a\/y@3\.0\.0/);
  assert.match(words(open), /@b\/open@3\.0\.0/);
  assert.equal(words(theirs), "another package that lives here");
});
