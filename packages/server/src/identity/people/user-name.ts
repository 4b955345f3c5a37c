import { AssayError } from "@assay/core";

/** Within npm's rules (lower case, nothing that a URL would escape, no dot in front), and short enough to read. */
const pattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What a name is called that everybody would take for somebody of the registry. */
const reserved: ReadonlySet<string> = new Set([
  "anonymous",
  "assay",
  "root",
  "system",
  "npm",
  "admin",
  "administrator",
]);

export function isUserName(text: string): boolean {
  return pattern.test(text);
}

/** Throws BAD_REQUEST, for a new account. */
export function requireNewUserName(text: string): void {
  if (!isUserName(text))
    throw new AssayError("BAD_REQUEST", {
      reason:
        "a user name is 1 to 64 characters of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit",
    });
  if (reserved.has(text)) throw new AssayError("BAD_REQUEST", { reason: `the user name ${text} is reserved` });
}

/** Throws BAD_REQUEST for what is no e-mail address; an empty one counts as none. */
export function parseEmail(text: string): string | undefined {
  const email = text.trim();
  if (email === "") return undefined;
  if (email.length > 254 || !/^[^\s@<>"(),:;\\]{1,64}@[^\s@<>"(),:;\\]+$/u.test(email))
    throw new AssayError("BAD_REQUEST", { reason: "that is no e-mail address" });
  return email;
}
