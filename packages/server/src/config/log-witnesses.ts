import { isAssayError, noWitnesses, parsePolicy, type WitnessPolicy } from "@assay/core";
import type { Config } from "./config.ts";
import type { Values } from "./values.ts";

/** The text of `log.witnessesFile`, which was read before anything is decided. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The witness policy of the log and how it is asked for. What no witness could do is a problem: a policy that cannot
 * be read, both forms at once, a witness without a URL.
 */
export function witnessesConfig(
  values: Values,
  file: PolicyFile | undefined,
  problems: string[],
): Config["log"]["witnesses"] {
  return {
    policy: choosePolicy(values, file, problems),
    timeoutMs: values.number("log.witnessTimeoutMs"),
    intervalMs: values.number("log.witnessIntervalMs"),
    refreshMs: values.number("log.witnessRefreshMinutes") * 60_000,
  };
}

function choosePolicy(values: Values, file: PolicyFile | undefined, problems: string[]): WitnessPolicy {
  const inline = values.text("log.witnesses");
  const place = values.from("log.witnesses");
  if (file !== undefined && place !== "default") {
    problems.push(
      `log.witnesses (${place}) and log.witnessesFile (${values.from("log.witnessesFile")}) are both set; set one of them.`,
    );
    return noWitnesses;
  }
  if (file === undefined && inline.trim() === "none") return noWitnesses;
  const title = file === undefined ? `log.witnesses (${place})` : `log.witnessesFile (${file.path})`;
  // A value that came from a variable or in quotes has no last line feed.
  const text = file?.text ?? (inline.endsWith("\n") ? inline : `${inline}\n`);
  try {
    const policy = parsePolicy(text);
    const without = policy.witnesses.filter(({ url }) => url === undefined).map(({ name }) => name);
    if (without.length > 0)
      problems.push(`${title} gives no URL for ${without.join(", ")}: a log asks its witnesses, so each needs one.`);
    return policy;
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    problems.push(`${title} is no witness policy: ${error.details.reason}.`);
    return noWitnesses;
  }
}
