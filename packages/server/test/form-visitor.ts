/** A person with a browser that runs no script: follows links, keeps cookies, sends the forms that pages have. */
import assert from "node:assert/strict";

export interface FormVisitor {
  /** The page at this URL, however often it is sent on. */
  open(url: string): Promise<Page>;
  /** Sends a form to this URL, with the token of the page that it stands on. */
  send(url: string, fields: Readonly<Record<string, string>>, on?: string): Promise<Page>;
}

export interface Page {
  readonly status: number;
  /** Where it was sent on to at last. */
  readonly url: string;
  readonly html: string;
  readonly headers: Headers;
}

/** Signs in with a password. */
export async function signIn(base: string, user: string, password: string): Promise<FormVisitor> {
  const cookies = new Map<string, string>();

  async function ask(url: string, more: RequestInit, hops = 5): Promise<Page> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { accept: "text/html", ...(cookie === "" ? {} : { cookie }), ...(more.headers as object) };
    const response = await fetch(url, { ...more, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location !== null && hops > 0) return await ask(new URL(location, url).href, {}, hops - 1);
    return { status: response.status, url, html: await response.text(), headers: response.headers };
  }

  const visitor: FormVisitor = {
    open: (url) => ask(url, {}),
    async send(url, fields, on = url) {
      const token = /name="token" value="([^"]+)"/.exec((await ask(on, {})).html)?.[1] ?? "";
      return await ask(url, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          origin: new URL(url).origin,
          "sec-fetch-site": "same-origin",
        },
        body: new URLSearchParams({ token, ...fields }).toString(),
      });
    },
  };
  const page = await visitor.send(`${base}/-/web/sign-in`, { user, password, next: "/-/web/me" });
  assert.equal(page.url, `${base}/-/web/me`, page.html);
  return visitor;
}
