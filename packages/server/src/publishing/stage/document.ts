import type { Stage } from "./stage.ts";

const actorTypes = { anonymous: "user", person: "user", bot: "automation", ci: "trusted automation" } as const;

/** A stage as npm describes it to clients (`StagePackageVersion`). */
export function stageDocument({ id, name, version, tags, createdAtMs, actor, visibility, shasum }: Stage) {
  return {
    id,
    packageName: name,
    version,
    tag: tags[0] ?? "latest",
    createdAt: new Date(createdAtMs).toISOString(),
    actor: actor.name,
    actorType: actorTypes[actor.kind],
    access: visibility === "public" ? "public" : "private",
    shasum,
  };
}
