import type { UpstreamConfig, UpstreamSecrets } from "./config.ts";
import { nearest } from "./nearest.ts";
import { authorizationVariable, secretVariables, type SecretVariable } from "./settings.ts";

interface SecretSources {
  /** Values by variable, whether it held them itself or named a file. */
  readonly secrets: ReadonlyMap<SecretVariable, string>;
  /** What npm would send to a URL. */
  readonly npmAuthorizationFor: (url: string) => string | undefined;
}

/**
 * The credentials of each upstream. In the short form they are ASSAY_UPSTREAM_AUTHORIZATION, or that of its alias,
 * or else npm's own. Problems name variables and never values.
 */
export function upstreamSecrets(
  { list, isShort }: { readonly list: readonly UpstreamConfig[]; readonly isShort: boolean },
  { secrets, npmAuthorizationFor }: SecretSources,
  problems: string[],
): ReadonlyMap<string, UpstreamSecrets> {
  const result = new Map<string, UpstreamSecrets>();
  const known = new Set<SecretVariable>(secretVariables.filter((name) => isShort || name !== plain));
  for (const { name, url, tarballs, tls } of list) {
    const own = authorizationVariable(name);
    known.add(own);
    const given = ([own, plain] as const).filter((variable) => known.has(variable) && secrets.has(variable));
    if (given.length === 2) problems.push(`${given.join(" and ")} are both set; set one of them.`);
    const [variable] = given;
    const value = variable === undefined ? undefined : secrets.get(variable);
    if (value !== undefined && !/^(?:Bearer|Basic) [A-Za-z0-9\-._~+/=]+$/.test(value)) {
      problems.push(`${variable} must be \`Bearer <token>\` or \`Basic <base64>\`.`);
    }
    const authorization = value ?? (isShort ? npmAuthorizationFor(url) : undefined);
    if (tarballs === "redirect" && (authorization !== undefined || tls !== undefined)) {
      problems.push(
        `upstream ${name} has tarballs: redirect, but it is asked with credentials that clients do not have; write tarballs: serve.`,
      );
    }
    result.set(name, { authorization });
  }
  for (const variable of secrets.keys()) {
    if (!known.has(variable)) problems.push(unknownSecret(variable, known));
  }
  return result;
}

const plain = "ASSAY_UPSTREAM_AUTHORIZATION";

function unknownSecret(variable: SecretVariable, known: ReadonlySet<SecretVariable>): string {
  const close = nearest(variable, known);
  const why = variable === plain ? "is of the short form; name the upstream" : "is of no upstream that is configured";
  return `${variable} ${why}${close === undefined ? "." : `; did you mean ${close}?`}`;
}
