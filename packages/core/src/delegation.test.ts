import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDelegation, movedToIn, parseDelegation, type Delegation } from "./delegation.ts";
import { isAssayError } from "./errors.ts";
import { parseIntegrity } from "./integrity.ts";
import { parsePackageName, parseVersion } from "./names.ts";

const delegation: Delegation = {
  ns: "npm",
  name: parsePackageName("@scope/left"),
  version: parseVersion("2.0.0"),
  integrity: parseIntegrity(`sha512-${"A".repeat(86)}==`),
  signer: "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
  from: "https://registry.example.com",
  to: "https://packages.example.com/npm",
};

test("a statement is read back as it was written, and any other text is refused", () => {
  const text = formatDelegation(delegation);
  assert.deepEqual(parseDelegation(text), delegation);
  const lines = text.trimEnd().split("\n");
  const broken = [
    "",
    text.trimEnd(),
    `${text}\n`,
    text.replace("/v1", "/v2"),
    text.replace("from https", "from ftp"),
    text.replace("npm\nname", "npm \nname"),
    text.replace("com/npm\n", "com/npm/\n"),
    `${lines.toReversed().join("\n")}\n`,
    ...lines.map((line) => text.replace(`${line}\n`, "")),
  ];
  for (const one of broken)
    assert.throws(
      () => parseDelegation(one),
      (error) => isAssayError(error),
      one,
    );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (any) => {
      assert.throws(
        () => parseDelegation(any),
        (error) => isAssayError(error),
      );
    }),
  );
});

test("package.json says where its package lives by a registry URL, or says nothing", () => {
  const said = (movedTo: unknown): string | undefined => movedToIn({ assay: { movedTo } });
  assert.equal(said("https://packages.example.com/"), "https://packages.example.com");
  assert.equal(said("HTTPS://Packages.Example.com:443/npm//"), "https://packages.example.com/npm");
  assert.equal(said("https://bücher.example/"), "https://xn--bcher-kva.example");
  const nothing = [
    undefined,
    1,
    "",
    "packages.example.com",
    "ftp://packages.example.com",
    "https://user:word@packages.example.com",
    "https://packages.example.com/?a",
    "https://packages.example.com/#a",
    "https://packages.example.com\\@evil.example",
    `https://${"a".repeat(2100)}.example`,
  ];
  for (const one of nothing) assert.equal(said(one), undefined, String(one));
  for (const manifest of [undefined, null, [], "x", { assay: null }, { assay: [] }, Object.create({ assay: {} })])
    assert.equal(movedToIn(manifest), undefined);
});
