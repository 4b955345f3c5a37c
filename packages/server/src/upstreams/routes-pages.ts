import { encodeUtf8 } from "@assay/core";
import { renderSources, type ShownKey, type ShownSource, type SourceGroup } from "@assay/web";
import type { FastifyPluginCallback } from "fastify";
import type { Checksums } from "../checksums/checksums.ts";
import type { UpstreamConfig } from "../config/config.ts";
import { sendPage } from "../http/send.ts";
import type { Clock } from "../platform/clock.ts";
import { ownOwner, type KeyRing, type RegistrySigning } from "../signing/signing.ts";
import type { PutAside } from "./standing.ts";
import type { Upstreams } from "./upstreams.ts";

export interface SourcePagesDeps {
  readonly upstreams: Pick<Upstreams, "packagesBySource" | "activity" | "standing">;
  readonly checksums: { readonly browser: Pick<Checksums["browser"], "conflicts"> };
  readonly signing: Pick<RegistrySigning, "ring" | "seal">;
  readonly clock: Clock;
  /** Every configured upstream, its URL as people read it. */
  readonly sources: readonly UpstreamConfig[];
}

/** Payload type of the signed list: docs/formats/sources.md. */
const sourceListType = "application/vnd.assay.sources+json";

/** `/-/web/sources`, and signed as JSON `/-/assay/v1/sources`: each registry with its mirrors and auditors, what each may decide and how it behaved. */
export function sourcePages(deps: SourcePagesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.get("/-/web/sources", async (request, reply) => {
      const registries = await groupsOf(deps);
      return sendPage(
        reply,
        renderSources({
          base: request.base,
          nowMs: deps.clock.now(),
          ownKeys: showKeys(deps.signing.ring, ownOwner),
          registries,
        }),
      );
    });
    fastify.get("/-/assay/v1/sources", async (_request, reply) => {
      const list = { format: "assay-sources/v1", issuedAtMs: deps.clock.now(), registries: await groupsOf(deps) };
      return reply
        .header("cache-control", "no-store")
        .send(deps.signing.seal(sourceListType, encodeUtf8(JSON.stringify(list))));
    });
    done();
  };
}

async function groupsOf({ upstreams, checksums, signing, sources }: SourcePagesDeps): Promise<readonly SourceGroup[]> {
  const packages = await upstreams.packagesBySource();
  const aside = await upstreams.standing.aside();
  const conflicts = await checksums.browser.conflicts();
  const show = (config: UpstreamConfig): ShownSource => ({
    alias: config.name,
    operator: config.operator,
    url: config.url,
    names: config.names,
    packages: config.kind === "registry" ? (packages.get(config.name) ?? 0) : undefined,
    conflicts: conflicts.get(config.name) ?? 0,
    ...upstreams.activity(config.name),
    keys: showKeys(signing.ring, config.name),
    aside: showAside(aside.get(config.name)),
  });
  const belonging = (kind: UpstreamConfig["kind"], registry: UpstreamConfig): readonly ShownSource[] =>
    sources.filter((config) => config.kind === kind && config.of === registry.name).map(show);
  return sources
    .filter(({ kind }) => kind === "registry")
    .map((registry) => ({
      registry: show(registry),
      mirrors: belonging("mirror", registry),
      auditors: belonging("auditor", registry),
      agree: registry.agree,
      auditorsNeeded: registry.auditorsNeeded,
      signatures: registry.signatures,
    }));
}

function showKeys(keyRing: KeyRing, owner: string): readonly ShownKey[] {
  return keyRing.list([owner]).map(({ keyid, expiresMs }) => ({ keyid, untilMs: expiresMs }));
}

function showAside(aside: PutAside | undefined): ShownSource["aside"] {
  return aside && { untilMs: aside.untilMs, reason: aside.reason, subject: `${aside.name}@${aside.version}` };
}
