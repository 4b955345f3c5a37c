import type { Reader } from "../../platform/database/database.ts";
import type { Principal } from "../principal.ts";
import type { TrustRule } from "./rules.ts";
import { readRule } from "./store.ts";

/** What packuments say of who published a version: npm's `_npmUser`, from which pnpm and Deno read how far to trust it. */
export interface Publisher {
  readonly name: string;
  readonly email: string;
  /** Only where CI published by a trust rule. */
  readonly trustedPublisher?: {
    /** Kind of the CI: `github`. */
    readonly id: string;
    /** `oidc:<id of the rule>`. */
    readonly oidcConfigId: string;
  };
}

const services: { readonly [Kind in TrustRule["kind"]]: string } = {
  github: "GitHub Actions",
  gitlab: "GitLab CI/CD",
  circleci: "CircleCI",
  generic: "CI",
};

/** The publisher of what a CI principal publishes; undefined for others, and when its rule is gone. */
export async function ciPublisher(
  reader: Reader,
  { kind, id, name }: Pick<Principal, "kind" | "id" | "name">,
): Promise<Publisher | undefined> {
  if (kind !== "ci") return undefined;
  const rule = await readRule(reader, id.slice("ci:".length));
  if (rule === undefined) return undefined;
  return {
    name: `${services[rule.kind]} (${name})`,
    // RFC 2606: nobody's address, and clients want one.
    email: `${rule.kind}@ci.invalid`,
    trustedPublisher: { id: rule.kind, oidcConfigId: `oidc:${rule.id}` },
  };
}
