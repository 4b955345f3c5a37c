/** Publishing joined with who may publish. */
import type { Config } from "./config/config.ts";
import { createPermissions, openPolicySets, type HostedNames, type Permissions } from "./identity/identity.ts";
import type { Random } from "./platform/random.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { createPublishing, type Publishing, type PublishingDeps } from "./publishing/publishing.ts";
import type { UpstreamsRoom } from "./upstreams/upstreams.ts";

const read = "anyone";

type OpenDeps = Omit<PublishingDeps, "permissions" | "hostedChanged"> & {
  readonly upstreams: Pick<UpstreamsRoom, "hostedChanged">;
  readonly random: Random;
  readonly telemetry: Telemetry;
};

export async function openPublishing(
  { upstreams, ...deps }: OpenDeps,
  config: Pick<Config, "limits" | "publish">,
): Promise<Publishing> {
  const permissions = await openPermissions(deps);
  return createPublishing({ ...deps, permissions, hostedChanged: upstreams.hostedChanged }, config);
}

/** From what is known of people and names: administrators may, and people below their own scope. */
async function openPermissions(deps: {
  readonly names: HostedNames;
  readonly random: Random;
  readonly telemetry: Telemetry;
}): Promise<Permissions> {
  const { names, random, telemetry } = deps;
  const installation = Buffer.from(random.bytes(8)).toString("hex");
  const policies = await openPolicySets({ read, folder: undefined, installation });
  const facts = {
    generation: () => String(names.generation()),
    async holder(_kind: "person" | "bot", name: string) {
      const isOwn = names.organisation(name)?.person === name;
      return { organisations: isOwn ? [{ name, role: "owner" as const }] : [], teams: [] };
    },
    package: async () => ({ owners: [], readers: [], writers: [] }),
    ci: async () => undefined,
  };
  return createPermissions({ names, facts, policies, telemetry }, { read });
}
