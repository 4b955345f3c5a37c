import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { claimTables } from "./claims.ts";
import { lieTables } from "./lies.ts";
import { markdownTable, replaceTables } from "./tables.ts";

/** What people ask, in the order of the document. */
const questions: readonly RegExp[] = [
  /failure modes of a single registry are addressed first/,
  /important ones are not/,
  /concrete win for a user/,
  /proxy and not a new client/,
  /log, when lockfiles have integrity/,
  /lockfiles point, and why/,
  /trust root/,
  /keyid mean/,
  /successful verification prove/,
  /does it not prove/,
  /"decentralised" mean here/,
  /decentralised today, and what is still central/,
  /only the first registry configured/,
  /principle, or a matter of operation/,
  /Whose names/,
  /two sources have different tarballs/,
  /malicious maintainers/,
  /install scripts/,
  /unpublishing and replacing/,
  /authentic the same as safe/,
  /runs the database/,
  /client flows work/,
  /Which do not, and why/,
  /better than a plain mirror/,
  /hosting, trust, or naming/,
  /only a prototype/,
  /real, and verified/,
  /source selected/,
  /next milestone/,
  /This is still centralised/,
  /does not solve code run at install/,
  /re-wraps the registry's trust/,
  /Why not just mirrors/,
  /trust the database's operator/,
  /proxy is not in the lockfile/,
];

const document = readFileSync(path.join(import.meta.dirname, "../../docs/faq.md"), "utf8");
const answers = document
  .split(/^## /m)
  .slice(1)
  .map((section) => ({ heading: section.split("\n", 1)[0] ?? "", text: section.slice(section.indexOf("\n")) }));

test("each of the 35 questions is a heading of its own, in order, and has an answer", () => {
  assert.equal(questions.length, 35);
  assert.equal(answers.length, 35);
  for (const [index, question] of questions.entries()) {
    const { heading, text } = answers[index] ?? { heading: "", text: "" };
    assert.ok(heading.startsWith(`${index + 1}. `), heading);
    assert.match(heading, question);
    const words = text.replaceAll(/<!--[^>]*-->/g, "").match(/[A-Za-z]{2,}/g)?.length ?? 0;
    assert.ok(words >= 25, `${heading}: ${words} words`);
  }
});

test("questions 6, 22 to 24, 26 and 27 are answered by tables that tests recorded", () => {
  for (const number of [6, 22, 23, 24, 26, 27])
    assert.match(
      answers[number - 1]?.text ?? "",
      /<!-- table: [a-z-]+ -->\n\|[\s\S]+\|\n<!-- end of table -->/,
      String(number),
    );
});

test("links of the document lead to files", () => {
  for (const [, target = ""] of document.matchAll(/\]\(([^)#]+)/g))
    assert.doesNotThrow(() => readFileSync(path.join(import.meta.dirname, "../../docs", target)), target);
});

test("a table that nobody makes, a table without a place and a cell with a bar are mistakes", () => {
  const text = "<!-- table: one -->\nold\n<!-- end of table -->\n";
  assert.equal(replaceTables("a.md", text, { one: "new" }), "<!-- table: one -->\nnew\n<!-- end of table -->\n");
  assert.throws(() => replaceTables("a.md", text, {}), /a\.md .* one, which nobody makes/);
  assert.throws(() => replaceTables("a.md", text, { one: "new", two: "" }), /no place for two/);
  assert.throws(() => markdownTable(["a"], [["b | c"]]), /cannot be told/);
});

test("a claim is verified by recorded whole-system tests only; what is missing, skipped or small is a prototype", () => {
  const system = "packages/server/test/a.test.ts";
  const unit = "packages/server/src/b.test.ts";
  const tables = claimTables(
    [
      { what: "shown", tests: [system] },
      { what: "small", tests: [unit] },
      { what: "half", tests: [system], missing: "the other half" },
      { what: "skipped", tests: [`${system}#part`] },
    ],
    {
      [system]: { passed: 3, skipped: 0 },
      [unit]: { passed: 1, skipped: 0 },
      [`${system}#part`]: { passed: 1, skipped: 1 },
    },
  );
  assert.match(tables["verified"] ?? "", /^.*\n.*\n\| shown \| `packages\/server\/test\/a\.test\.ts` \(3\) \|$/);
  for (const row of [/small \| no test of the whole/, /half \| the other half/, /skipped \| tests of it were skipped/])
    assert.match(tables["prototypes"] ?? "", row);
  assert.throws(() => claimTables([{ what: "new", tests: ["x"] }], {}), /x was not recorded/);
});

test("the table of lies says what was kept and what was recorded, and counts", () => {
  const refused = { fate: "refused", kept: false };
  const { lies = "", "lies-counted": counted = "" } = lieTables({
    one: {
      title: "a lie",
      mirror: { fate: "believed", kept: true },
      verdaccio: { fate: "detectable", kept: false },
      assay: { ...refused, records: ["conflict"] },
    },
  });
  assert.match(
    lies,
    /a lie \| served, and nothing shows it; \*\*kept\*\* \| served; who .* \| refused; recorded: conflict/,
  );
  assert.match(counted, /reached a client \| 1 \| 1 \| 0/);
  assert.match(counted, /told the truth again \| 1 \| 0 \| 0/);
});
