import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isAssayError } from "./errors.ts";
import { formatApproval, openApproval, parseApproval, type Approval } from "./approval.ts";

interface Vector {
  readonly name: string;
  readonly approvers: readonly string[];
  readonly needed: number;
  readonly note: string;
}

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const vectors = JSON.parse(read("../../../vectors/records/approvals.json")) as {
  readonly text: string;
  readonly approval: Approval;
  readonly good: readonly (Vector & { readonly approvedBy: readonly string[]; readonly digest: string })[];
  readonly bad: readonly Vector[];
};

test("a statement is written and read as the vectors say", () => {
  assert.equal(formatApproval(vectors.approval), vectors.text);
  assert.deepEqual(parseApproval(vectors.text), vectors.approval);
});

for (const { name, note, approvers, needed, approvedBy, digest } of vectors.good)
  test(`good approval: ${name}`, async () => {
    const opened = await openApproval(note, approvers, needed);
    assert.deepEqual(opened.approvedBy, approvedBy);
    assert.equal(opened.approval.integrity, vectors.approval.integrity);
    assert.equal(`sha256-${createHash("sha256").update(note).digest("base64")}`, digest);
  });

for (const { name, note, approvers, needed } of vectors.bad)
  test(`refused approval: ${name}`, async () => {
    await assert.rejects(openApproval(note, approvers, needed), (error) => isAssayError(error, "BAD_FORMAT"));
  });

test("docs/formats/approval.md shows an approval that opens", async () => {
  const page = read("../../../docs/formats/approval.md");
  const vkeys = [...page.matchAll(/`([^`\s]+\.example\+[^`\s]+)`/g)].map((match) => match[1] ?? "");
  const note = /```\n([^`]+)```/.exec(page)?.[1] ?? "";
  assert.equal((await openApproval(note, vkeys, 2)).approvedBy.length, 2);
});
