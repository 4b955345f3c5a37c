import { isAssayError } from "@assay/core";
import { listLogs, trustFileName, vkeyFingerprint, type HttpDeps } from "@assay/verify";
import { sha256 } from "@assay/verify/node";

/** Why nothing was checked, which key the registry shows, and how to pin it. `http` undefined: nobody may be asked. */
export async function howToTrust(http: HttpDeps | undefined): Promise<string> {
  const opening = `No log is trusted: give --trust <vkey>, or commit ${trustFileName} beside the lockfile.`;
  if (http === undefined) return opening;
  try {
    // What is an organisation's counts for some names alone: that is for the trust file.
    const logs = (await listLogs(http)).filter(({ log }) => log === "npm");
    if (logs.length === 0) return `${opening} The registry at ${http.registry} lists no log.`;
    const flags = logs.map(({ vkey }) => `--trust '${vkey}'`).join(" ");
    return [
      opening,
      "",
      `The registry at ${http.registry} shows:`,
      ...logs.flatMap(({ shard, vkey }) => [`  ${shard}  ${vkey}`, `    ${vkeyFingerprint(sha256, vkey)}`]),
      "",
      "Compare that with what its operator tells you some other way. If it is the same, either run",
      `  assay trust init --registry ${http.registry}`,
      `which writes ${trustFileName} for you to commit, or for once`,
      `  assay verify ${flags}`,
    ].join("\n");
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return `${opening} ${error.message}`;
  }
}
