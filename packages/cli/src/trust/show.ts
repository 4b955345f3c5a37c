import { formatPolicy } from "@assay/core";
import { vkeyFingerprint, type TrustPolicy } from "@assay/verify";
import { sha256 } from "@assay/verify/node";
import type { TrustOptions } from "../commands/trust.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** Prints the trust file for people, with the fingerprint of every key. Throws USAGE without one, and BAD_FORMAT. */
export async function trustShow(context: CliContext, { json }: TrustOptions): Promise<ExitCode> {
  const { path, policy } = await mustReadTrustFile(context.cwd);
  const text = json === true ? `${JSON.stringify(documentOf(path, policy), undefined, 2)}\n` : textOf(path, policy);
  context.stdout.write(text);
  return 0;
}

function documentOf(path: string, policy: TrustPolicy): object {
  const { logs, witnesses, maxAgeSeconds, supersedes } = policy;
  const prints = (vkey: string) => ({ vkey, fingerprint: vkeyFingerprint(sha256, vkey) });
  return {
    path,
    logs: logs.map(({ origin, url, vkey, names }) => ({ origin, url, names, ...prints(vkey) })),
    witnesses: witnesses.witnesses.map(({ name, vkey }) => ({ name, ...prints(vkey) })),
    quorum: witnesses.quorum,
    policy: formatPolicy(witnesses),
    maxAgeSeconds,
    supersedes,
    accept: [...policy.accept],
    allow: [...policy.allow],
  };
}

function textOf(path: string, policy: TrustPolicy): string {
  const { logs, witnesses, maxAgeSeconds, supersedes, accept, allow } = policy;
  const print = (vkey: string): string => `    ${vkeyFingerprint(sha256, vkey)}`;
  const rows = [
    path,
    "",
    "Logs",
    ...logs.flatMap(({ origin, vkey, url, names }) => [
      `  ${origin}${url === undefined ? "" : ` at ${url}`}${names.length === 0 ? "" : `, for ${names.join(" ")} alone`}`,
      print(vkey),
    ]),
    witnesses.witnesses.length === 0
      ? "Witnesses: none. Nobody but the log itself vouches that everybody is shown the same."
      : `Witnesses, quorum ${witnesses.quorum}`,
    ...witnesses.witnesses.flatMap(({ name, vkey }) => [`  ${name}`, print(vkey)]),
    ...witnesses.groups.map(({ name, threshold, members }) => `  ${name}: ${threshold} of ${members.join(", ")}`),
    ...(maxAgeSeconds === undefined ? [] : [`Oldest checkpoint: ${maxAgeSeconds} s`]),
    ...(supersedes.length === 0 ? [] : ["Replaced versions that count with their new bytes"]),
    ...supersedes.map(({ name, version, integrity }) => `  ${name}@${version} ${integrity}`),
    ...(accept.size === 0 ? [] : [`Accepted: ${[...accept].join(", ")}`]),
    ...(allow.size === 0 ? [] : [`Allowed to be unverifiable: ${[...allow].join(", ")}`]),
  ];
  return `${rows.join("\n")}\n`;
}
