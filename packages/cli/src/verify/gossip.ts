import { parseFork, parseNote, readCheckpoint, verifier, verifyFork } from "@assay/core";
import { evidenceFormat, type CheckpointState, type TrustPolicy } from "@assay/verify";
import { sha256 } from "@assay/verify/node";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { keepEvidence } from "./evidence-file.ts";

const maxAnswerBytes = 4 * 1024 * 1024;
const timeoutMs = 15_000;

type GossipContext = Pick<CliContext, "cwd" | "stderr" | "uniqueName">;

/**
 * Shows the last checkpoint of each trusted log to each of these registries, witnesses or monitors
 * (docs/formats/gossip.md), and says on stderr what came of it. False when one of them proved a fork; the evidence is
 * kept then. Who does not answer, or cannot prove what it says, changes nothing.
 */
export async function gossip(
  context: GossipContext,
  urls: readonly string[],
  { logs }: Pick<TrustPolicy, "logs">,
  state: Pick<CheckpointState, "readCheckpoint">,
): Promise<boolean> {
  let isOneHistory = true;
  for (const { vkey } of logs) {
    const note = await state.readCheckpoint(vkey);
    if (note === undefined) continue;
    for (const url of urls) if (!(await show(context, url, vkey, note))) isOneHistory = false;
  }
  return isOneHistory;
}

/** The base URL of a party. Throws USAGE. */
export function gossipUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    throw wrongUse(`--gossip ${JSON.stringify(text)} is no http or https URL without query or fragment.`);
  return url.href.replace(/\/+$/, "");
}

async function show(context: GossipContext, url: string, vkey: string, note: string): Promise<boolean> {
  const { origin, size } = readCheckpoint(parseNote(note).text);
  const say = (what: string): void => void context.stderr.write(`assay: ${url}: ${what}\n`);
  let answer;
  try {
    answer = await post(`${url}/-/log/gossip`, note);
  } catch {
    say(`the checkpoint of ${origin} could not be shown: no answer`);
    return true;
  }
  if (answer.status === 200) say(`has the same history of ${origin} up to ${size} entries`);
  else if (answer.status === 202) say(`cannot compare ${size} entries of ${origin} now, and keeps the checkpoint`);
  else if (answer.status === 404) say(`does not know the log ${origin}`);
  else if (answer.status !== 409) say(`the checkpoint of ${origin} was not taken: status ${answer.status}`);
  else if (!(await holds(vkey, answer.body))) say(`says that ${origin} signed another history, and does not prove it`);
  else {
    const sentence = `The log ${origin} signed two histories that exclude each other. Trust neither; keep this evidence and tell its operator and its other users.`;
    say(sentence);
    await keepEvidence(context, { format: evidenceFormat, kind: "fork", vkey, sentence, fork: answer.body });
    return false;
  }
  return true;
}

async function holds(vkey: string, document: string): Promise<boolean> {
  try {
    return await verifyFork(sha256, parseFork(document), await verifier(vkey));
  } catch {
    return false;
  }
}

async function post(url: string, note: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: note,
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return { status: response.status, body: Buffer.concat(chunks).toString() };
}
