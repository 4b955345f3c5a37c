import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { plainLine } from "../plain-line.ts";
import { askApprovals, type Answer } from "./ask-approvals.ts";
import { approvalLine, approvalText, fieldsOf } from "./approval-text.ts";

export interface ApprovalsOptions {
  readonly registry?: string;
  readonly json?: boolean;
}

export interface ListOptions extends ApprovalsOptions {
  readonly state: string;
}

export interface DecideOptions extends ApprovalsOptions {
  readonly reason?: string;
  readonly otp?: string;
}

export async function runList(context: CliContext, { state, json, registry }: ListOptions): Promise<ExitCode> {
  const ask = await askApprovals(context, registry);
  const found: unknown[] = [];
  for (let after = ""; ;) {
    const query = new URLSearchParams({ state, ...(after !== "" && { after }) });
    const answer = await ask("GET", `?${query.toString()}`);
    if (!answer.ok) return refused(context, answer, json);
    const { approvals, next } = answer.body;
    if (Array.isArray(approvals)) found.push(...(approvals as readonly unknown[]));
    if (typeof next !== "string" || next === after) break;
    after = next;
  }
  if (json === true) context.stdout.write(`${JSON.stringify({ ok: true, approvals: found }, undefined, 2)}\n`);
  else if (found.length === 0) context.stdout.write(state === "waiting" ? "Nothing waits.\n" : "There is none.\n");
  else for (const one of found) context.stdout.write(`${approvalLine(fieldsOf(one))}\n`);
  return 0;
}

export async function runShow(context: CliContext, id: string, options: ApprovalsOptions): Promise<ExitCode> {
  const ask = await askApprovals(context, options.registry);
  const answer = await ask("GET", `/${idOf(id)}`);
  return answer.ok ? told(context, answer, options.json) : refused(context, answer, options.json);
}

/** Votes on what it has shown: the digest goes along, so that nothing else can be meant. */
export async function runDecide(
  context: CliContext,
  verdict: "approve" | "reject",
  id: string,
  { registry, json, reason = "", otp }: DecideOptions,
): Promise<ExitCode> {
  const ask = await askApprovals(context, registry);
  const shown = await ask("GET", `/${idOf(id)}`);
  if (!shown.ok) return refused(context, shown, json);
  // Not among the JSON, and before anybody confirms.
  context.stderr.write(`${approvalText(shown.body)}\n`);
  const vote = { digest: shown.body["digest"], reason };
  const answer = await ask("POST", `/${id}/${verdict}`, { body: vote, otp });
  if (!answer.ok) return refused(context, answer, json);
  if (json === true) return told(context, answer, json);
  const { state, needed, counting } = answer.body;
  const count = Array.isArray(counting) ? counting.length : 0;
  const outcome =
    state === "done"
      ? "It is carried out."
      : state === "rejected"
        ? "It is rejected; nothing has changed."
        : `Your vote is kept, ${count} of ${String(needed)}; it waits for more.`;
  context.stdout.write(`${plainLine(outcome)}\n`);
  return 0;
}

function told({ stdout }: CliContext, { body }: Answer, json: boolean | undefined): ExitCode {
  stdout.write(
    json === true ? `${JSON.stringify({ ok: true, approval: body }, undefined, 2)}\n` : `${approvalText(body)}\n`,
  );
  return 0;
}

function refused({ stdout, stderr }: CliContext, { status, body }: Answer, json: boolean | undefined): ExitCode {
  const { error, code } = body;
  const message = typeof error === "string" ? error : `the registry answered ${status}`;
  if (json === true)
    stdout.write(`${JSON.stringify({ ok: false, error: { code: code ?? "FAILED", message } }, undefined, 2)}\n`);
  else stderr.write(`assay: ${plainLine(message)}\n`);
  return 1;
}

/** Throws USAGE: it becomes part of an address. */
function idOf(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  throw wrongUse("An approval's id is 32 letters and digits, as assay approvals list shows.");
}
