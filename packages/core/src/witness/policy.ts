import { decodeUtf8, encodeUtf8, toHex } from "../bytes.ts";
import { parseDecimal } from "../decimal.ts";
import { AssayError, isAssayError } from "../errors.ts";
import { parseVkey, signatureType, type VerifierKey } from "../vkey.ts";

/**
 * Which logs are believed, and how many of which witnesses must have cosigned a checkpoint.
 * Spec: docs/formats/witness-policy.md, c2sp.org/tlog-policy.
 */
export interface WitnessPolicy {
  /** May be empty, where the log is known from elsewhere. */
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: readonly PolicyGroup[];
  /** Name of a witness or group, or `none`: no cosignature is needed. */
  readonly quorum: string;
}

export interface PolicyLog {
  /** Type 0x01 (Ed25519) or 0x06 (ML-DSA-44); its name is the log's origin. */
  readonly vkey: string;
  readonly url: string | undefined;
}

export interface PolicyWitness {
  /** Of the policy only: it need not be the name in the vkey. */
  readonly name: string;
  /** Type 0x04 (Ed25519) or 0x06 (ML-DSA-44). */
  readonly vkey: string;
  /** Where add-checkpoint is; needed by the log alone. */
  readonly url: string | undefined;
}

export interface PolicyGroup {
  readonly name: string;
  /** How many members must have witnessed: 1 to their number. */
  readonly threshold: number;
  /** At least one, each a witness or group of a line before. */
  readonly members: readonly string[];
}

/** Most bytes of a policy text, and most logs, witnesses and groups. */
export const policyLimits: { readonly bytes: number; readonly items: number } = { bytes: 262_144, items: 100 };

/** The policy that asks for no cosignature and knows no log. */
export const noWitnesses: WitnessPolicy = { logs: [], witnesses: [], groups: [], quorum: "none" };

/**
 * Reads a policy text: lines `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`,
 * `group <name> all|any|<k> <member>…` and exactly one `quorum <name>|none`; `#` starts a comment line.
 *
 * Throws BAD_FORMAT, naming the line: on anything else, on a name that is used before its line, defined twice or a
 * member twice, on a public key that occurs twice (whatever its name and type), and above `policyLimits`.
 */
export function parsePolicy(text: Uint8Array | string): WitnessPolicy {
  const bytes = typeof text === "string" ? encodeUtf8(text) : text;
  if (bytes.length > policyLimits.bytes) throw malformed(`it is larger than ${policyLimits.bytes} bytes`);
  const whole = typeof text === "string" ? text : decodeUtf8(bytes);
  // oxlint-disable-next-line no-control-regex -- refusing them is the point
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(whole)) throw malformed("it holds a control character");
  const lines = whole.split("\n");
  if (lines.pop() !== "") throw malformed("its last line does not end in a line feed, so it may have been cut off");
  const reading = createReading();
  for (const [i, line] of lines.entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== "");
    if (items[0] === undefined || items[0].startsWith("#")) continue;
    try {
      reading.line(items);
    } catch (error) {
      if (!isAssayError(error, "BAD_FORMAT")) throw error;
      throw malformed(`line ${i + 1}: ${error.details.reason}`, error);
    }
  }
  return reading.end();
}

/**
 * The text of a policy, in one canonical spelling; inverse of `parsePolicy`. Throws BAD_FORMAT on a policy that no
 * text can say.
 */
export function formatPolicy(policy: WitnessPolicy): string {
  const { logs, witnesses, groups, quorum } = policy;
  const lines = [
    ...logs.map(({ vkey, url }) => ["log", vkey, url]),
    ...witnesses.map(({ name, vkey, url }) => ["witness", name, vkey, url]),
    ...groups.map(({ name, threshold, members }) => ["group", name, wordOf(threshold, members.length), ...members]),
    ["quorum", quorum],
  ];
  const text = lines.map((items) => `${items.filter((item) => item !== undefined).join(" ")}\n`).join("");
  // Whatever would read differently (a name with a space, a member of a later line) must not be written.
  if (JSON.stringify(parsePolicy(text)) !== JSON.stringify({ logs, witnesses, groups, quorum })) {
    throw malformed("a name, key or URL is not one item of a line");
  }
  return text;
}

function wordOf(threshold: number, count: number): string {
  if (threshold === count) return "all";
  return threshold === 1 ? "any" : String(threshold);
}

interface Reading {
  line(items: readonly string[]): void;
  end(): WitnessPolicy;
}

function createReading(): Reading {
  const logs: PolicyLog[] = [];
  const witnesses: PolicyWitness[] = [];
  const groups: PolicyGroup[] = [];
  const defined = new Set<string>();
  const members = new Set<string>();
  const keys = new Set<string>();
  let quorum: string | undefined;

  function define(name: string | undefined): string {
    if (name === undefined) throw malformed("a name is missing");
    if (name === "none") throw malformed("the name none is taken: it stands for no witness");
    if (defined.has(name)) throw malformed(`the name ${name} is defined twice`);
    defined.add(name);
    return name;
  }

  function refer(name: string | undefined): string {
    if (name === undefined) throw malformed("a name is missing");
    if (!defined.has(name)) throw malformed(`${name} is not defined on a line before`);
    return name;
  }

  /** Two vkeys with one public key are one party; a log that is its own witness would witness nothing. */
  function takeKey(vkey: string | undefined, role: "log" | "witness"): string {
    if (vkey === undefined) throw malformed("a vkey is missing");
    const key = parseVkey(vkey);
    if (!mayBe(role, key)) throw malformed(`a key of type ${key.type} cannot be that of a ${role}`);
    const raw = toHex(key.publicKey);
    if (keys.has(raw)) throw malformed(`the public key of ${key.name} is there twice`);
    keys.add(raw);
    return vkey;
  }

  return {
    line([word, ...items]) {
      switch (word) {
        case "log": {
          const [vkey, url] = atMost(2, items);
          logs.push({ vkey: takeKey(vkey, "log"), url: checkUrl(url) });
          return checkCount(logs);
        }
        case "witness": {
          const [name, vkey, url] = atMost(3, items);
          witnesses.push({ name: define(name), vkey: takeKey(vkey, "witness"), url: checkUrl(url) });
          return checkCount(witnesses);
        }
        case "group": {
          const [name, count = "", ...names] = items;
          for (const member of names) {
            refer(member);
            if (members.has(member)) throw malformed(`${member} is a member twice`);
            members.add(member);
          }
          const threshold = readThreshold(count, names.length);
          // After its members, so that a group is none of them.
          groups.push({ name: define(name), threshold, members: names });
          return checkCount(groups);
        }
        case "quorum": {
          const [name] = atMost(1, items);
          if (quorum !== undefined) throw malformed("there is a second quorum line");
          quorum = name === "none" ? name : refer(name);
          return;
        }
        default:
          throw malformed(`${JSON.stringify(word)} is not log, witness, group or quorum`);
      }
    },
    end() {
      if (quorum === undefined) throw malformed("it has no quorum line");
      return { logs, witnesses, groups, quorum };
    },
  };
}

function mayBe(role: "log" | "witness", { type }: VerifierKey): boolean {
  if (type === signatureType.mldsaCosignature) return true;
  return type === (role === "log" ? signatureType.ed25519 : signatureType.cosignature);
}

function readThreshold(word: string, count: number): number {
  if (count === 0) throw malformed("a group has at least one member");
  if (word === "all") return count;
  if (word === "any") return 1;
  const threshold = parseDecimal(word);
  if (threshold === undefined || threshold < 1 || threshold > count) {
    throw malformed(`all, any or a number from 1 to ${count} is expected, not ${JSON.stringify(word)}`);
  }
  return threshold;
}

function checkUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw malformed(`${text} is not an http or https URL`);
  if (url.username !== "" || url.password !== "" || text.includes("?") || text.includes("#")) {
    throw malformed("a URL has no user, query or fragment");
  }
  return text;
}

function atMost(count: number, items: readonly string[]): readonly string[] {
  if (items.length > count) throw malformed(`it has more than ${count} items`);
  return items;
}

function checkCount(items: readonly unknown[]): void {
  if (items.length > policyLimits.items) throw malformed(`there are more than ${policyLimits.items} of them`);
}

function malformed(reason: string, cause?: unknown): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A witness policy", reason }, { cause });
}
