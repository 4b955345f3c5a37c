/** A browser without a window: follows forms of our own pages, keeps cookies, runs no script. */
import assert from "node:assert/strict";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";

export interface Browsing {
  get(at: string): Promise<RawAnswer>;
  /** Sends the form of the page `at` that has all of `fields`' hidden values, with these filled in; follows redirects of forms. */
  post(at: string, to: string, fields: Readonly<Record<string, string>>): Promise<RawAnswer>;
  /** JSON as a script of our own page would send it. */
  send(method: string, at: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<RawAnswer>;
}

/** Signs in with a password. */
export async function browse(url: string, user: string, password: string): Promise<Browsing> {
  const cookies = new Map<string, string>();
  const headers = (): Record<string, string> => ({
    accept: "text/html",
    origin: url,
    cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
  });

  async function ask(at: string, options: Parameters<typeof rawRequest>[2]): Promise<RawAnswer> {
    const answer = await rawRequest(url, at, options);
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return answer;
  }

  const browsing: Browsing = {
    get: (at) => ask(at, { headers: headers() }),
    async post(at, to, fields) {
      const page = await browsing.get(at);
      const token = /name="token" value="([^"]+)"/.exec(page.text())?.[1] ?? "";
      assert.notEqual(token, "", `${at} has no form: ${page.status} ${page.text().slice(0, 300)}`);
      const body = new URLSearchParams({ token, ...fields }).toString();
      const type = { "content-type": "application/x-www-form-urlencoded" };
      return await ask(to, { method: "POST", headers: { ...headers(), ...type }, body });
    },
    send: (method, at, body, more = {}) =>
      ask(at, {
        method,
        headers: {
          ...headers(),
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...more,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
  const signedIn = await browsing.post("/-/web/sign-in", "/-/web/sign-in", { user, password, next: "" });
  assert.equal(signedIn.status, 303, signedIn.text());
  const confirmed = await browsing.post("/-/web/confirm", "/-/web/confirm", { password, next: "" });
  assert.equal(confirmed.status, 303, confirmed.text());
  return browsing;
}
