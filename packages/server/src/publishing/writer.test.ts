import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName } from "@assay/core";
import { anonymous, type Operation, type Principal } from "../identity/identity.ts";
import { createWriter } from "./writer.ts";

const name = parsePackageName("@acme/ui");

/** What proof is asked of for each action on a package that wants a second factor and lets automation pass. */
async function needsOf(kind: "person" | "bot"): Promise<Readonly<Record<string, Operation["need"]>>> {
  const principal: Principal = { ...anonymous(""), kind, id: `${kind}:robo`, name: "robo", via: "token" };
  const needs: Record<string, Operation["need"]> = {};
  const { confirm } = createWriter(
    {
      authenticate: Object.assign(async () => principal, { forget() {} }),
      stepUps: { require: async (_principal, _request, { what, need }) => void (needs[what] = need) },
      names: {
        find: () => ({
          name,
          organisation: "acme",
          visibility: "restricted",
          publishRequiresTfa: true,
          automationOverridesTfa: true,
        }),
      },
    },
    principal,
    { base: "", credentials: { otp: undefined, address: "" } as never },
  );
  for (const action of ["publish", "tag", "own"] as const) await confirm(action, name, action);
  return needs;
}

test("a bot that publishes without a second factor changes no owners without one", async () => {
  assert.deepEqual(await needsOf("bot"), { publish: "writes", tag: "writes", own: "enrolled" });
  assert.deepEqual(await needsOf("person"), { publish: "enrolled", tag: "enrolled", own: "enrolled" });
});
