import { argon2, timingSafeEqual, type Argon2Parameters } from "node:crypto";
import { promisify } from "node:util";
import { AssayError } from "@assay/core";
import type { Random } from "../../platform/random.ts";

const derive = promisify(argon2);

/** What a hash costs: OWASP's recommendation for argon2id, 26 ms and 19 MiB. */
export interface PasswordCost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

export const passwordCost: PasswordCost = { memoryKiB: 19_456, passes: 2, lanes: 1 };

/** Hashes at the same time, so that sign-ins never take all threads; and how many may wait for their turn. */
const atOnce = 2;
const mostWaiting = 40;

export interface Passwords {
  /** A PHC string: `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`. */
  hash(password: string): Promise<string>;
  /**
   * Compares; with no hash to compare with (an account that does not exist, or has no password) the same work is done
   * and the answer is `wrong`. `outdated`: right, and the hash was made at another cost than today's.
   */
  check(password: string, hash: string | undefined): Promise<"right" | "outdated" | "wrong">;
}

/** Throws TOO_MANY_REQUESTS when too many wait. */
export function createPasswords({ random }: { readonly random: Random }, cost: PasswordCost = passwordCost): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];
  const decoy = format(cost, random.bytes(16), random.bytes(32));

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting) throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 2 });
      // Whoever ends hands over its place: `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = random.bytes(16);
        return format(cost, salt, await derive("argon2id", parametersOf(password, salt, cost)));
      }),
    check: (password, hash) =>
      inTurn(async () => {
        const { cost: used, salt, digest } = parse(hash ?? decoy);
        const made = await derive("argon2id", parametersOf(password, salt, used));
        const isRight = made.length === digest.length && timingSafeEqual(made, digest) && hash !== undefined;
        if (!isRight) return "wrong";
        const isToday = used.memoryKiB === cost.memoryKiB && used.passes === cost.passes && used.lanes === cost.lanes;
        return isToday ? "right" : "outdated";
      }),
  };
}

/** The same characters typed on another keyboard are the same password (NIST SP 800-63B §3.1.1.2). */
function parametersOf(
  password: string,
  salt: Uint8Array,
  { memoryKiB, passes, lanes }: PasswordCost,
): Argon2Parameters {
  const message = Buffer.from(password.normalize("NFKC"), "utf8");
  return { message, nonce: salt, parallelism: lanes, tagLength: 32, memory: memoryKiB, passes };
}

function format({ memoryKiB, passes, lanes }: PasswordCost, salt: Uint8Array, digest: Uint8Array): string {
  const [saltText, digestText] = [salt, digest].map((bytes) =>
    Buffer.from(bytes).toString("base64").replace(/=+$/, ""),
  );
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${saltText}$${digestText}`;
}

function parse(hash: string): { readonly cost: PasswordCost; readonly salt: Buffer; readonly digest: Buffer } {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([\w+/]+)\$([\w+/]+)$/.exec(hash);
  if (match === null) throw new AssayError("DATABASE", { reason: "a stored password hash is damaged" });
  const [, memory, passes, lanes, salt = "", digest = ""] = match;
  return {
    cost: { memoryKiB: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, "base64"),
    digest: Buffer.from(digest, "base64"),
  };
}

const shortest = 8;
const longestBytes = 512;
/** What guessers try first, of those that are long enough. */
const known: ReadonlySet<string> = new Set(
  "password password1 12345678 123456789 1234567890 qwertyuiop qwerty123 iloveyou letmein1 changeme 11111111 00000000".split(
    " ",
  ),
);

/** Throws BAD_REQUEST for a password that a new account, or a change, may not have. */
export function requireGoodPassword(password: string, userName: string): void {
  const reason =
    password.length < shortest
      ? `a password has at least ${shortest} characters`
      : Buffer.byteLength(password) > longestBytes
        ? `a password has at most ${longestBytes} bytes`
        : known.has(password.toLowerCase()) || password.toLowerCase() === userName
          ? "that password is among the first that anybody would guess"
          : undefined;
  if (reason !== undefined) throw new AssayError("BAD_REQUEST", { reason });
}
