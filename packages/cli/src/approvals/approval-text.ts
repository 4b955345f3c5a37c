/** Approvals as text. All of it was written by others: it moves no cursor. */
import { isPlainObject } from "@assay/core";
import { plainLine } from "../plain-line.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return isPlainObject(value) ? value : {};
}

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** `<id>  2 of 3  npm @acme/ui  by ada: the summary`. */
export function approvalLine(approval: Fields): string {
  const { id, subject, summary, state, needed, votes } = approval;
  const given = Array.isArray(votes) ? votes.filter((vote) => fieldsOf(vote)["verdict"] === "approve").length : 0;
  const progress = state === "waiting" ? `${given} of ${text(needed)}` : text(state);
  const by = text(fieldsOf(approval["requester"])["name"]);
  return plainLine(`${text(id)}  ${progress}  ${text(subject)}  by ${by}: ${text(summary)}`);
}

/** Several lines, without one at the end. */
export function approvalText(approval: Fields): string {
  const { votes, detail, approvers } = approval;
  const rows: readonly (readonly [string, unknown])[] = [
    ["id", approval["id"]],
    ["asked for by", fieldsOf(approval["requester"])["name"]],
    ["what", approval["summary"]],
    ["about", approval["subject"]],
    ["organisation", approval["organisation"]],
    ["state", approval["state"]],
    ["needed", approval["needed"]],
    ["among", Array.isArray(approvers) ? approvers.map(text).join(" ") : undefined],
    ["until", approval["expiresAt"]],
    ["digest", approval["digest"]],
    ["page", approval["url"]],
    ["you", approval["mayDecide"] === true ? "may decide" : approval["hindrance"]],
  ];
  const lines = rows.filter(([, value]) => text(value) !== "").map(([name, value]) => `${name}: ${text(value)}`);
  for (const vote of Array.isArray(votes) ? votes.map(fieldsOf) : []) {
    const reason = text(vote["reason"]);
    lines.push(`vote: ${text(vote["verdict"])} by ${text(vote["by"])}${reason === "" ? "" : `, ${reason}`}`);
  }
  // Line by line, so that a line of it cannot be taken for one of ours.
  if (typeof detail === "string") lines.push("all of it:", ...detail.split("\n").map((line) => `  ${line}`));
  return lines.map(plainLine).join("\n");
}
