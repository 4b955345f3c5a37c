import { acceptableCategories, trustLog, trustLogs, type AcceptableCategory, type TrustPolicy } from "@assay/verify";
import { readTrustFile } from "@assay/verify/node";
import { parseDuration } from "../duration.ts";
import { wrongUse } from "../errors.ts";

/** The options that decide what is believed. */
export interface PolicyOptions {
  readonly trust?: readonly string[];
  readonly allow?: readonly string[];
  readonly accept?: readonly string[];
  readonly maxAge?: string;
  readonly requireWitnesses?: boolean;
}

/**
 * What to believe: the keys given, else the trust file beside the lockfile or further up in the same repository, and what
 * the options let pass beyond it; undefined when nobody said. Throws BAD_FORMAT and USAGE.
 */
export async function policyFor(folder: string, options: PolicyOptions): Promise<TrustPolicy | undefined> {
  const accept = categories(options.accept ?? []);
  const maxAgeSeconds = options.maxAge === undefined ? undefined : parseDuration(options.maxAge);
  const base =
    options.trust === undefined
      ? (await readTrustFile(folder))?.policy
      : trustLogs(options.trust.map((vkey) => trustLog(vkey)));
  if (base === undefined) return undefined;
  if (options.requireWitnesses === true && base.witnesses.quorum === "none")
    throw wrongUse(
      options.trust === undefined
        ? "The trust file asks for no witnesses: give it witness lines and a quorum (assay trust add witness)."
        : "--require-witnesses needs the witnesses of a trust file; --trust names a log alone.",
    );
  return {
    ...base,
    maxAgeSeconds: maxAgeSeconds ?? base.maxAgeSeconds,
    accept: new Set([...base.accept, ...accept]),
    allow: new Set([...base.allow, ...(options.allow ?? [])]),
  };
}

function categories(given: readonly string[]): readonly AcceptableCategory[] {
  return given.map((each) => {
    const known = acceptableCategories.find((category) => category === each);
    if (known === undefined)
      throw wrongUse(`--accept ${each} is not known; known: ${acceptableCategories.join(", ")}.`);
    return known;
  });
}
