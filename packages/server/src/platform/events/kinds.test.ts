import assert from "node:assert/strict";
import { test } from "node:test";
import { actOfTerminal, type NewEvent } from "./events.ts";
import { actKinds, eitherKinds, ownKinds, routineKinds } from "./kinds.ts";

test("each kind of event is decided once: somebody's act, the registry's own, or either", () => {
  const all = [...actKinds, ...ownKinds, ...eitherKinds, ...routineKinds];
  assert.deepEqual(
    all.filter((kind, index) => all.indexOf(kind) !== index),
    [],
  );
  for (const kind of all) assert.match(kind, /^[a-z-]+\.[a-z-]+$/);
});

test("no event is of a kind that nobody decided about, and no act is without who did it", () => {
  const told = { subject: "npm @acme/ui", data: {} };
  const events: readonly NewEvent[] = [
    { ...told, kind: "tag.set", act: actOfTerminal },
    { ...told, kind: "version.gone" },
    // @ts-expect-error -- an act says who
    { ...told, kind: "tag.set" },
    // @ts-expect-error -- what the registry notices is nobody's act
    { ...told, kind: "version.gone", act: actOfTerminal },
    // @ts-expect-error -- a new kind has its place in kinds.ts first
    { ...told, kind: "tag.painted", act: actOfTerminal },
  ];
  // The types are the test: `npm run check` fails where one of the three would pass.
  assert.equal(events.length, 5);
});
