import type { CiIssuerConfig } from "../../config/config.ts";

/** An issuer as one token names it: its configuration, and the exact URL that stands in `iss`. */
export interface NamedIssuer {
  readonly config: CiIssuerConfig;
  readonly url: string;
  /** True where each organisation of the service has an issuer of its own. */
  readonly isOneOfMany: boolean;
}

/** What stands for a UUID in the configured URL of such a service. */
const place = "{org-id}";
const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/** The configured issuer whose URL this is, letter by letter; undefined: nobody that is known here. */
export function findIssuer(issuers: readonly CiIssuerConfig[], url: string): NamedIssuer | undefined {
  for (const config of issuers) {
    const isOneOfMany = config.issuer.includes(place);
    if (isOneOfMany ? templatePattern(config.issuer).test(url) : config.issuer === url)
      return { config, url, isOneOfMany };
  }
  return undefined;
}

/** The issuer's URL for one organisation; the same for all where the URL has no place for it. */
export function issuerUrl({ issuer }: CiIssuerConfig, organisationId: string): string {
  return issuer.replace(place, organisationId);
}

function templatePattern(template: string): RegExp {
  const [before = "", after = ""] = template.split(place);
  return new RegExp(`^${RegExp.escape(before)}${uuid}${RegExp.escape(after)}$`, "u");
}
