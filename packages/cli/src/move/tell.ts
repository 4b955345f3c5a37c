import type { MoveReport } from "@assay/server/publishing";
import type { CliContext } from "../context.ts";
import { plainLine } from "../plain-line.ts";
import { sizeText } from "../size-text.ts";

const shownWeak = 5;

/** What was moved, what was not and what to do about it. */
export function tell({ stdout }: CliContext, report: MoveReport, json: boolean): void {
  const { outcome, packages, versions, brought, sizeBytes, notTaken, accepted, differences, weak, waiting } = report;
  if (json) {
    stdout.write(`${JSON.stringify({ ok: outcome === "complete", ...report }, undefined, 2)}\n`);
    return;
  }
  const lines: string[] = [];
  const at = (name: string, version: string | undefined): string =>
    version === undefined ? name : `${name}@${version}`;
  for (const { name, version, rule, reason } of accepted)
    lines.push(`- ${at(name, version)} taken all the same (${rule}): ${reason}`);
  for (const { name, version, rule, reason, isAcceptable } of notTaken)
    lines.push(`✗ ${at(name, version)} (${rule}): ${reason}${isAcceptable ? `; --accept ${rule} takes it` : ""}`);
  for (const { name, what, there, here } of differences) lines.push(`≠ ${name} ${what}: there ${there}, here ${here}`);
  if (weak.length > 0) {
    const more = weak.length > shownWeak ? `, and ${weak.length - shownWeak} more` : "";
    lines.push(
      `! ${weak.length} versions have no sha512 there and were held against their sha1, which can be forged: ${weak.slice(0, shownWeak).join(", ")}${more}`,
    );
  }
  if (waiting > 0) lines.push(`! ${waiting} versions wait for the log; the server comes to them when it runs.`);
  if (brought > 0) lines.push(`${brought} versions came now, ${sizeText(sizeBytes)}.`);
  if (outcome === "stopped") lines.push("Stopped. Run it again to go on.");
  const refused = notTaken.length > 0 ? `, ${notTaken.length} not taken` : "";
  lines.push(`imported ${versions} versions of ${packages} packages; ${differences.length} differ${refused}`);
  stdout.write(`${lines.map(plainLine).join("\n")}\n`);
}
