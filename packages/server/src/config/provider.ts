import type { ProviderConfig } from "./config.ts";
import { parseGroupPlace } from "./kinds.ts";
import type { ConfigSources } from "./resolve.ts";
import { isLoopbackHost } from "./urls.ts";
import type { Values } from "./values.ts";

/** All of a provider, or none of it. */
export function chooseProvider(
  values: Values,
  { env, secretFiles }: Pick<ConfigSources, "env" | "secretFiles">,
  problems: string[],
): ProviderConfig | undefined {
  const issuer = values.optionalText("identity.provider.issuer");
  const clientId = values.optionalText("identity.provider.clientId");
  const secret = "ASSAY_PROVIDER_CLIENT_SECRET";
  const hasSecret = env.secrets.has(secret) || secretFiles.has(secret);
  if (issuer === undefined && clientId === undefined && !hasSecret) {
    if (values.text("identity.provider.scim") === "on")
      problems.push("identity.provider.scim needs a provider: give identity.provider.issuer too.");
    return undefined;
  }
  if (issuer === undefined || clientId === undefined || !hasSecret) {
    problems.push(
      `identity.provider.issuer, identity.provider.clientId and ${secret} belong together; give all of them.`,
    );
    return undefined;
  }
  if (!URL.canParse(issuer) || (issuer.startsWith("http:") && !isLoopbackHost(new URL(issuer).hostname))) {
    problems.push(`identity.provider.issuer (${values.from("identity.provider.issuer")}) must be an https URL.`);
    return undefined;
  }
  return {
    issuer,
    clientId,
    scopes: values.text("identity.provider.scopes"),
    recheckMinutes: values.number("identity.provider.recheckMinutes"),
    groupsClaim: values.text("identity.provider.groupsClaim"),
    scim: values.text("identity.provider.scim") === "on",
    scimClaim: values.text("identity.provider.scimClaim"),
    groups: values.list("identity.provider.groups").flatMap((text) => parseGroupPlace(text) ?? []),
  };
}
