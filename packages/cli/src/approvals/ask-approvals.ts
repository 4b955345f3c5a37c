import { isPlainObject } from "@assay/core";
import type { CliContext } from "../context.ts";
import { registryHttp, registryUrl } from "../npm-registry.ts";
import { plainLine } from "../plain-line.ts";
import type { Fields } from "./approval-text.ts";

export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  /** Empty when it was no JSON object. */
  readonly body: Fields;
}

export interface Vote {
  readonly body: Fields;
  readonly otp?: string | undefined;
}

export type Ask = (method: "GET" | "POST", below: string, vote?: Vote) => Promise<Answer>;

const patienceMs = 30_000;
const longestWaitMs = 5 * 60_000;

/**
 * Asks a registry for what is below its approvals, with the credentials that npm has. Where it wants a proof that the
 * person is there and none was given, it says where to confirm, waits for that, and asks again. Throws what `fetch` throws.
 */
export async function askApprovals(context: CliContext, given: string | undefined): Promise<Ask> {
  const registry = await registryUrl(context, given);
  const http = await registryHttp(context, registry);

  async function ask(method: "GET" | "POST", url: string, vote?: Vote): Promise<Answer & { readonly waitMs: number }> {
    const response = await http.fetch(url, {
      method,
      redirect: "error",
      headers: {
        accept: "application/json",
        ...(vote !== undefined && { "content-type": "application/json" }),
        ...(vote?.otp !== undefined && { "npm-otp": vote.otp }),
      },
      ...(vote !== undefined && { body: JSON.stringify(vote.body) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const body: unknown = await response.json().catch(() => undefined);
    const waitMs = Math.max(1, Number(response.headers.get("retry-after") ?? 1) || 1) * 1000;
    return { ok: response.ok, status: response.status, body: isPlainObject(body) ? body : {}, waitMs };
  }

  /** What to send as a code once the person has confirmed; undefined: they refused, or it took too long. */
  async function confirmed(doneUrl: string): Promise<string | undefined> {
    const untilMs = context.clock.monotonicMs() + longestWaitMs;
    while (context.clock.monotonicMs() < untilMs) {
      const { status, body, waitMs } = await ask("GET", doneUrl);
      if (status === 200 && typeof body["token"] === "string") return body["token"];
      if (status !== 202) return undefined;
      await context.clock.sleep(Math.min(waitMs, longestWaitMs));
    }
    return undefined;
  }

  return async (method, below, vote) => {
    const url = `${registry}/-/assay/v1/approvals${below}`;
    const answer = await ask(method, url, vote);
    const { authUrl, doneUrl } = answer.body;
    // Addresses of the registry alone: its token goes nowhere else, and nobody is sent elsewhere to confirm.
    const isOurs = (address: unknown): address is string =>
      typeof address === "string" && address.startsWith(`${registry}/`);
    if (answer.status !== 401 || vote?.otp !== undefined || !isOurs(authUrl) || !isOurs(doneUrl)) return answer;
    context.stderr.write(`Confirm it in the browser, or give --otp:\n${plainLine(authUrl)}\n`);
    const otp = await confirmed(doneUrl);
    if (otp === undefined)
      return { ok: false, status: 401, body: { error: "It was not confirmed; nothing has changed." } };
    return await ask(method, url, { ...vote, body: vote?.body ?? {}, otp });
  };
}
