/** The engine's traps: each of these is allowed by it alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadCedar, type CedarQuestion } from "./cedar.ts";

const permitAll = {
  id: "all",
  effect: "permit",
  reason: undefined,
  line: 1,
  usesAddress: false,
  tellsPackages: false,
} as const;
const permitText = `permit (principal, action, resource);`;
const forbid = (text: string) => ({ ...permitAll, id: "stop", effect: "forbid" as const, text });

const stranger = { type: "Assay::Anonymous", id: "anonymous" };
const vite = { type: "Assay::Package", id: "vite" };
const attributes = {
  name: "vite",
  isHosted: false,
  exists: true,
  isPublic: true,
  owners: [],
  readers: [],
  writers: [],
};
const question: CedarQuestion = {
  principal: stranger,
  action: "read",
  resource: vite,
  context: { via: "nothing", isSteppedUp: false },
  entities: [
    { uid: stranger, attrs: { name: "" }, parents: [] },
    { uid: vite, attrs: attributes, parents: [] },
  ],
};

async function withPolicies(stop: string) {
  const cedar = await loadCedar();
  cedar.load("trap", [{ ...permitAll, text: permitText }, forbid(stop)]);
  return (asked: CedarQuestion) => cedar.ask("trap", asked);
}

test("a question that is whole is answered by its policies", async () => {
  const ask = await withPolicies(`forbid (principal, action == Assay::Action::"publish", resource);`);
  assert.deepEqual(ask(question), { outcome: "allow", policies: ["all"] });
  assert.deepEqual(ask({ ...question, action: "publish" }), { outcome: "deny", policies: ["stop"] });
});

test("a policy that forbids and cannot be evaluated is no permission", async () => {
  // Not possible with policies that were validated; the engine would skip it and allow.
  const ask = await withPolicies(`forbid (principal, action, resource) when { resource.quarantined };`);
  const answer = ask(question);
  assert.equal(answer.outcome, "failed");
});

test("an entity that is missing is no permission", async () => {
  const ask = await withPolicies(
    `forbid (principal, action, resource) when { resource has isPublic && resource.isPublic };`,
  );
  assert.equal(ask(question).outcome, "deny");
  for (const missing of [vite, stranger]) {
    const entities = question.entities.filter(({ uid }) => uid !== missing);
    assert.equal(ask({ ...question, entities }).outcome, "failed", missing.type);
  }
});

test("an entity that the schema does not know is no permission", async () => {
  const ask = await withPolicies(`forbid (principal, action == Assay::Action::"publish", resource);`);
  for (const attrs of [{ ...attributes, isPublic: "yes" }, { ...attributes, more: 1 }, { name: "vite" }]) {
    const entities = [question.entities[0], { uid: vite, attrs, parents: [] }].filter((one) => one !== undefined);
    assert.equal(ask({ ...question, entities }).outcome, "failed", JSON.stringify(attrs));
  }
  assert.equal(ask({ ...question, action: "fly" }).outcome, "failed");
  assert.equal(ask({ ...question, context: {} }).outcome, "failed");
});

test("a slot that was never loaded is no permission", async () => {
  const cedar = await loadCedar();
  assert.equal(cedar.ask("no such slot", question).outcome, "failed");
});
