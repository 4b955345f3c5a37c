import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempFolder } from "@assay/testkit/temp-folder";
import { loadCedar } from "./cedar.ts";
import { openPolicySets } from "./policy-sets.ts";

const good = `@id("good") permit (principal, action == Assay::Action::"read", resource);`;

test("policies are refused with the line and what is wrong", async () => {
  const cedar = await loadCedar();
  const table: readonly (readonly [string, number, RegExp])[] = [
    [`// ünï\n\n${good}\n@id("x") permit (principal, action, resource) when { ;`, 4, /unexpected token `;`/],
    [
      `${good}\n@id("x") permit (principal is Assay::Person, action, resource is Assay::Package) when { resource.nope };`,
      2,
      /attribute `nope`/,
    ],
    [`${good}\n\n@id("x") permit (principal == Assay::Persn::"a", action, resource);`, 3, /unrecognized entity type/],
    [`permit (principal, action, resource);`, 1, /needs a name/],
    [`@id("Not Good") permit (principal, action, resource);`, 1, /needs a name/],
    [`${good}\n@id("good") permit (principal, action, resource);`, 2, /two policies have the id good/],
    [`@id("x") forbid (principal, action, resource);`, 1, /needs a reason/],
    [`@id("x") @reason("two\\nlines") forbid (principal, action, resource);`, 1, /one line/],
    [`@id("x") permit (principal == ?principal, action, resource);`, 1, /templates/],
    [`\n@id("x") permit (principal, action, resource) when { context.via == "token" };`, 2, /looking at the context/],
    [
      `@id("x") permit (principal, action, resource) unless { context["isStepped\\u{55}p"] };`,
      1,
      /looking at the context/,
    ],
    [`@id("x") permit (principal is Assay::Package, action, resource);`, 1, /unable to find an applicable action/],
    [
      `@id("x") permit (principal is Assay::Person, action, resource is Assay::Package) when { resource.name == 1 };`,
      1,
      /equal|compare|type/,
    ],
    ["\0", 1, /NUL/],
  ];
  for (const [text, line, reason] of table) {
    const { problems } = cedar.read(text);
    assert.ok(problems.length > 0, text);
    assert.equal(problems[0]?.line, line, `${text}: ${JSON.stringify(problems)}`);
    assert.match(problems.map((problem) => problem.reason).join("; "), reason, text);
  }
  assert.deepEqual(cedar.read(good).problems, []);
});

test("whether policies look at the address is found however it is spelled", async () => {
  const cedar = await loadCedar();
  const { policies } = cedar.read(
    `@id("a") @reason("r") forbid (principal, action, resource) when { context has "\\u{61}ddress" && context["\\u{61}ddress"].isLoopback() };
     @id("b") @reason("r") forbid (principal, action, resource) when { context.via == "an address" };`,
  );
  assert.deepEqual(
    policies.map(({ usesAddress }) => usesAddress),
    [true, false],
  );
});

test("a shop's file that is wrong refuses the start, naming file and line", async (t) => {
  const folder = tempFolder(t);
  await writeFile(join(folder, "a.cedar"), good);
  await writeFile(join(folder, "notes.txt"), "no policy");
  await openPolicySets({ read: "anyone", folder, installation: folder });
  await writeFile(join(folder, "b.cedar"), `\n@id("x") permit (principal, action, resource) when { resource.nope };`);
  await assert.rejects(
    openPolicySets({ read: "anyone", folder, installation: folder }),
    /b\.cedar:2: attribute `nope`/,
  );
  await writeFile(join(folder, "b.cedar"), `\n\n${good}`);
  await assert.rejects(
    openPolicySets({ read: "anyone", folder, installation: folder }),
    /b\.cedar:3: the id good is used by .*a\.cedar already/,
  );
  await writeFile(join(folder, "b.cedar"), good.replace("good", "anybody-reads"));
  await assert.rejects(
    openPolicySets({ read: "anyone", folder, installation: folder }),
    /anybody-reads is used by a built-in policy/,
  );
});
