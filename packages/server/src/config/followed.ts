import { isSelf, type Addresses } from "./addresses.ts";
import type { FollowedLogConfig } from "./config.ts";
import type { Values } from "./values.ts";

/** Decides whose checksum database is followed; undefined: our own. What does not fit together is a problem. */
export function chooseFollowed(
  values: Values,
  addresses: Addresses,
  problems: string[],
): FollowedLogConfig | undefined {
  const url = values.optionalText("checksums.url");
  const vkey = values.optionalText("checksums.vkey");
  const witnesses = values.optionalText("checksums.witnesses");
  const age = "checksums.maxAgeSeconds";
  const maxAgeSeconds = values.from(age) === "default" ? undefined : values.number(age);
  for (const key of ["checksums.vkey", "checksums.witnesses", age])
    if (url === undefined && values.from(key) !== "default")
      problems.push(`${key} (${values.from(key)}) is set, but checksums.url is not: no database is followed.`);
  if (url === undefined) return undefined;
  const said = `checksums.url (${values.from("checksums.url")}) is ${url}`;
  if (values.from("checksums.vkey") === "default")
    problems.push(
      `${said}, so checksums.vkey must pin the log's key; its operator publishes it, and ${url}/-/log/ lists it.`,
    );
  if (values.text("role") === "log")
    problems.push(`${said}, but role (${values.from("role")}) is log: a database keeps a log of its own; remove one.`);
  if (isSelf(url, addresses)) problems.push(`${said}, which is this server itself.`);
  if (maxAgeSeconds !== undefined && witnesses === undefined)
    problems.push(
      `${age} (${values.from(age)}) needs checksums.witnesses: only the clocks of witnesses say how old a checkpoint is.`,
    );
  return vkey === undefined ? undefined : { url, vkey, witnesses, maxAgeSeconds };
}
