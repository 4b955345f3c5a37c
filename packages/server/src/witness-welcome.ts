import { parseVkey } from "@assay/core";
import type { WitnessConfig } from "./config/witness.ts";

interface Welcome {
  readonly version: string;
  readonly config: WitnessConfig;
  readonly publicUrls: readonly string[];
  readonly vkeys: readonly string[];
}

/** What the operator needs after the start: the keys, what to give to a log's operator, how to add a log. */
export function witnessWelcome({ version, config, publicUrls, vkeys }: Welcome): string {
  const url = publicUrls[0] ?? "";
  const watched = config.logs.map(({ vkey }) => `  ${parseVkey(vkey).name}`);
  return [
    `Assay witness ${version} is ready at ${url}/`,
    "",
    "Give these lines to the operator of a log, for its witness policy (log.witnesses in assay.yaml):",
    ...vkeys.map((vkey, i) => `  witness ${policyName(vkey, i)} ${vkey} ${url}`),
    "",
    ...(watched.length === 0
      ? ["It watches no log yet. Ask a log's operator for its vkey, and start again with"]
      : ["It watches:", ...watched, "", "To watch one more, ask its operator for the vkey, and start again with"]),
    "  --log '<vkey>'        or a line more below logs: in the file of --config",
    "",
    ...(config.loopbackOnly
      ? ["Only this machine can reach it: --host 0.0.0.0 --public-url https://<your host> opens it to others.", ""]
      : []),
    `Data      ${config.dataFolder} (never put it back from a backup: start a new witness instead)`,
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}

/** A name for the policy: the last part of the key's own, and what kind it is where there are two. */
function policyName(vkey: string, index: number): string {
  const { name } = parseVkey(vkey);
  const short = name.replace(/^assay\.invalid\//, "").replaceAll("/", "-");
  return index === 0 ? short : `${short}-ml-dsa-44`;
}
