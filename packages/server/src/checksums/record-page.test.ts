import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { renderRecord } from "@assay/web";

interface Vectors {
  readonly good: readonly { readonly name: string; readonly text: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../../vectors/records/records.json", import.meta.url), "utf8"),
) as Vectors;

function pageOf(text: string): string {
  const hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  return renderRecord({
    base: "https://assay.example.com",
    shard: "npm-2026a",
    vkey: "assay.example.com/-/log/npm-2026a+00000000+AQ==",
    replacedBy: undefined,
    signatures: 1,
    record: {
      index: 0,
      text,
      size: 1,
      root: hash,
      checkpoint: "x\n1\ny\n\nz\n",
      leafHash: hash,
      signature: "",
      publicKey: "",
    },
    steps: [],
  });
}

/** The terms of the list of fields. */
function termsOf(html: string): readonly string[] {
  return [...html.matchAll(/<dt>([^<]*)<\/dt>/g)].map(([, term = ""]) => term);
}

for (const { name, text } of vectors.good)
  test(`the page of a record says in words what it is, and what each field means: ${name}`, () => {
    const html = pageOf(text);
    assert.doesNotMatch(html, /does not know records of this kind/);
    const terms = termsOf(html);
    assert.equal(terms.length, text.trimEnd().split("\n").length - 1);
    for (const term of terms) assert.match(term, /^[A-Z]/, `a field without a meaning: ${term}`);
  });

test("a record of a kind that nobody knows yet is shown verbatim", () => {
  const html = pageOf("assay/v1 later\nname tool\nfact <b>\n");
  assert.match(html, /does not know records of this kind/);
  assert.match(html, /fact &lt;b>|fact &lt;b&gt;/);
});
