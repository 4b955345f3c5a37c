/**
 * The one table of errors: a stable code, the HTTP status that `http/` answers, the sentence people read,
 * and the fields of `details` that may leave the process.
 *
 * A sentence is one line, printable in a reason phrase, says what is wrong, where, and what to do.
 */

interface ErrorKind<Details extends object> {
  readonly status: number;
  readonly sentence: (details: Details) => string;
  readonly publicFields: readonly (keyof Details & string)[];
}

/** The sentence once more where pnpm looks for it when CI exchanges its token. */
interface SaidAgain {
  body?: { readonly message: string };
}

/** The details that each code carries. */
export interface ErrorTable {
  BAD_PATH: { reason: string };
  BAD_NAME: { reason: string };
  BAD_VERSION: { reason: string };
  BAD_REQUEST: { reason: string };
  ERR_TEXT_MISSING: { parameter: string };
  BAD_FORMAT: { what: string; reason: string };
  UNAUTHORIZED: { reason: string };
  FORBIDDEN: { reason: string; policy?: string };
  NEEDS_APPROVAL: { what: string; needed: number; approval: string; url: string };
  ID_TOKEN_REFUSED: { reason: string } & SaidAgain;
  TRUST_REFUSED: { what: string; reason: string } & SaidAgain;
  TRUST_MISSING: { what: string; identity: string } & SaidAgain;
  ISSUER_UNAVAILABLE: { issuer: string; reason: string; retryAfterSeconds: number };
  OTP_REQUIRED: { authUrl: string; doneUrl: string };
  BLOCKED: { rule: string; reason: string; name: string; version: string };
  NOT_FOUND: { what: string };
  NO_REGISTRY: { what: string };
  NO_REGISTRY_WRITES: { what: string };
  METHOD_NOT_ALLOWED: { method: string; allow: string };
  CONFLICT: { reason: string };
  REQUEST_TIMEOUT: { reason: string };
  BODY_TOO_LARGE: { limitBytes: number };
  UNSUPPORTED_MEDIA_TYPE: { reason: string };
  WRONG_HOST: { host: string };
  WITNESS_REFUSED: { reason: string };
  TOO_MANY_REQUESTS: { retryAfterSeconds: number };
  HEADERS_TOO_LARGE: { limitBytes: number };
  INTERNAL: { id: string };
  UPSTREAM_WRONG_BYTES: { name: string; version: string; source: string; reason: string };
  SOURCES_DISAGREE: { name: string; version: string; needed: number; reason: string };
  UPSTREAM_BAD_ANSWER: { source: string; reason: string };
  UPSTREAM_UNAVAILABLE: { source: string; reason: string; retryAfterSeconds: number };
  NOT_READY: { reason: string; retryAfterSeconds: number };
  BLOB_CONFLICT: { key: string };
  BLOB_CORRUPT: { key: string; reason: string };
  DATABASE: { reason: string };
  DATABASE_UNAVAILABLE: { reason: string };
  CONFIG: { reason: string };
  LOG_GUARD: { reason: string };
  LOG_FENCED: { shard: string };
  LOG_UNAVAILABLE: { url: string; reason: string };
  LOG_REFUSED: { origin: string; kind: string; reason: string; evidence: Readonly<Record<string, string>> };
  BIND_REFUSED: { name: string; version: string; origin: string; reason: string };
  BIND_DIFFERS: { name: string; version: string; origin: string; index: number; source: string; reason: string };
  USAGE: { reason: string };
}

export const errorKinds: { readonly [C in keyof ErrorTable]: ErrorKind<ErrorTable[C]> } = {
  BAD_PATH: {
    status: 400,
    sentence: (d) => `The path is refused: ${d.reason}.`,
    publicFields: ["reason"],
  },
  BAD_NAME: {
    status: 400,
    sentence: (d) => `Not a package name: ${d.reason}.`,
    publicFields: ["reason"],
  },
  BAD_VERSION: {
    status: 400,
    sentence: (d) => `Not a version: ${d.reason}.`,
    publicFields: ["reason"],
  },
  BAD_REQUEST: {
    status: 400,
    sentence: (d) => `The request is refused: ${d.reason}.`,
    publicFields: ["reason"],
  },
  ERR_TEXT_MISSING: {
    status: 400,
    sentence: (d) => `A search needs the parameter ${d.parameter}.`,
    publicFields: ["parameter"],
  },
  BAD_FORMAT: {
    status: 400,
    sentence: (d) => `${d.what} is malformed: ${d.reason}.`,
    publicFields: ["what", "reason"],
  },
  UNAUTHORIZED: {
    status: 401,
    sentence: (d) => `Not signed in: ${d.reason}.`,
    publicFields: ["reason"],
  },
  OTP_REQUIRED: {
    status: 401,
    // "one-time pass" is what clients look for.
    sentence: (d) => `This needs a one-time password; give it, or confirm at ${d.authUrl}.`,
    publicFields: ["authUrl", "doneUrl"],
  },
  FORBIDDEN: {
    status: 403,
    sentence: (d) => `Not allowed: ${d.reason}.`,
    publicFields: ["reason", "policy"],
  },
  NEEDS_APPROVAL: {
    // No 2xx: npm's client would say that it is done.
    status: 403,
    sentence: (d) =>
      `Nothing has changed yet: ${d.what} needs the approval of ${d.needed === 1 ? "1 person" : `${d.needed} people`}. It is asked for as ${d.approval.slice(0, 8)}, and is carried out when it is given, at ${d.url}.`,
    publicFields: ["what", "needed", "approval", "url"],
  },
  ID_TOKEN_REFUSED: {
    status: 401,
    sentence: (d) => `The identity token of this CI run is refused: ${d.reason}.`,
    publicFields: ["reason", "body"],
  },
  TRUST_REFUSED: {
    status: 403,
    sentence: (d) => `No trust rule of ${d.what} fits this CI run: ${d.reason}.`,
    publicFields: ["what", "reason", "body"],
  },
  TRUST_MISSING: {
    status: 404,
    sentence: (d) => `${d.what} has no trust rule for ${d.identity}; make one with npm trust.`,
    publicFields: ["what", "identity", "body"],
  },
  ISSUER_UNAVAILABLE: {
    status: 503,
    sentence: (d) => `The keys of the CI issuer ${d.issuer} cannot be read (${d.reason}); try again later.`,
    publicFields: ["issuer", "retryAfterSeconds"],
  },
  BLOCKED: {
    status: 403,
    sentence: (d) => `Blocked ${d.name}@${d.version} by rule ${d.rule}: ${d.reason}.`,
    publicFields: ["rule", "reason", "name", "version"],
  },
  NOT_FOUND: { status: 404, sentence: (d) => `${d.what} was not found.`, publicFields: ["what"] },
  NO_REGISTRY: {
    status: 404,
    sentence: (d) => `${d.what} is not here: this server is a checksum database; point the client at a registry.`,
    publicFields: ["what"],
  },
  NO_REGISTRY_WRITES: {
    status: 403,
    sentence: (d) => `${d.what} is not possible: this server is a checksum database; point the client at a registry.`,
    publicFields: ["what"],
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    sentence: (d) => `${d.method} is not possible here; allowed: ${d.allow}.`,
    publicFields: ["method", "allow"],
  },
  REQUEST_TIMEOUT: {
    status: 408,
    sentence: (d) => `The request did not arrive in time: ${d.reason}.`,
    publicFields: ["reason"],
  },
  CONFLICT: {
    status: 409,
    sentence: (d) => `Not possible: ${d.reason}.`,
    publicFields: ["reason"],
  },
  BODY_TOO_LARGE: {
    status: 413,
    sentence: (d) => `The request body is larger than ${d.limitBytes} bytes.`,
    publicFields: ["limitBytes"],
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    sentence: (d) => `The request body is refused: ${d.reason}.`,
    publicFields: ["reason"],
  },
  WRONG_HOST: {
    status: 421,
    sentence: (d) => `This registry is not known as ${d.host}; add its URL to publicUrls in assay.yaml.`,
    publicFields: ["host"],
  },
  WITNESS_REFUSED: {
    status: 422,
    sentence: (d) => `This witness does not cosign the checkpoint: ${d.reason}.`,
    publicFields: ["reason"],
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    sentence: (d) => `Too many requests; try again in ${d.retryAfterSeconds} s.`,
    publicFields: ["retryAfterSeconds"],
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    sentence: (d) => `The request headers are larger than ${d.limitBytes} bytes.`,
    publicFields: ["limitBytes"],
  },
  INTERNAL: {
    status: 500,
    sentence: (d) => `Something failed inside; the server's log has the details under ${d.id}.`,
    publicFields: ["id"],
  },
  UPSTREAM_WRONG_BYTES: {
    status: 502,
    sentence: (d) => `Refused ${d.name}@${d.version}: upstream ${d.source} served wrong bytes (${d.reason}).`,
    publicFields: ["name", "version", "source", "reason"],
  },
  SOURCES_DISAGREE: {
    status: 502,
    sentence: (d) =>
      `Refused ${d.name}@${d.version}: ${d.needed} sources must agree on its bytes before they are bound, and they do not (${d.reason}).`,
    publicFields: ["name", "version", "needed", "reason"],
  },
  UPSTREAM_BAD_ANSWER: {
    status: 502,
    sentence: (d) => `Upstream ${d.source} gave an answer that is refused: ${d.reason}.`,
    publicFields: ["source", "reason"],
  },
  UPSTREAM_UNAVAILABLE: {
    status: 503,
    sentence: (d) =>
      `Upstream ${d.source} cannot be reached (${d.reason}) and nothing is stored here yet; try again later.`,
    publicFields: ["source", "retryAfterSeconds"],
  },
  NOT_READY: {
    status: 503,
    sentence: (d) => `Not ready: ${d.reason}.`,
    publicFields: ["reason", "retryAfterSeconds"],
  },
  BLOB_CONFLICT: {
    status: 500,
    sentence: (d) => `Other bytes are already stored under ${d.key}.`,
    publicFields: [],
  },
  BLOB_CORRUPT: {
    status: 500,
    sentence: (d) => `The stored bytes of ${d.key} are damaged: ${d.reason}.`,
    publicFields: [],
  },
  DATABASE: {
    status: 500,
    sentence: (d) => `The database refused: ${d.reason}.`,
    publicFields: [],
  },
  DATABASE_UNAVAILABLE: {
    status: 503,
    sentence: (d) => `The database is away or too busy (${d.reason}); nothing was changed, try again later.`,
    publicFields: [],
  },
  CONFIG: { status: 500, sentence: (d) => d.reason, publicFields: [] },
  LOG_GUARD: {
    status: 500,
    sentence: (d) => `The log refuses to sign: ${d.reason}.`,
    publicFields: [],
  },
  LOG_FENCED: {
    status: 500,
    sentence: (d) => `Another process has taken over the sequencing of log ${d.shard}.`,
    publicFields: [],
  },
  LOG_UNAVAILABLE: {
    status: 503,
    sentence: (d) => `The log at ${d.url} cannot be read: ${d.reason}.`,
    publicFields: ["reason"],
  },
  LOG_REFUSED: {
    status: 502,
    sentence: (d) => `The log ${d.origin} is refused: ${d.reason}.`,
    publicFields: ["origin", "kind", "reason"],
  },
  BIND_REFUSED: {
    status: 502,
    sentence: (d) => `Refused ${d.name}@${d.version}: the log ${d.origin} does not bind it (${d.reason}).`,
    publicFields: ["name", "version", "origin", "reason"],
  },
  BIND_DIFFERS: {
    status: 502,
    sentence: (d) =>
      `Refused ${d.name}@${d.version}: upstream ${d.source} serves something else than record ${d.index} of the log ${d.origin} says (${d.reason}).`,
    publicFields: ["name", "version", "origin", "index", "source", "reason"],
  },
  USAGE: { status: 400, sentence: (d) => d.reason, publicFields: ["reason"] },
};

export type ErrorCode = keyof ErrorTable;

export type ErrorDetails<C extends ErrorCode> = ErrorTable[C];

/** The one error class. `code` is stable API; `message` is the sentence; `status` is for `http/` alone. */
export class AssayError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorDetails<C>;

  constructor(code: C, details: ErrorDetails<C>, options?: ErrorOptions) {
    super(errorKinds[code].sentence(details), options);
    this.name = "AssayError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorKinds[this.code].status;
  }

  /** The fields of `details` that may be shown to anybody. */
  get publicDetails(): Record<string, unknown> {
    const fields: readonly string[] = errorKinds[this.code].publicFields;
    return Object.fromEntries(Object.entries(this.details).filter(([field]) => fields.includes(field)));
  }
}

/** True for an AssayError, and for one with this code when a code is given. */
export function isAssayError<C extends ErrorCode>(error: unknown, code?: C): error is AssayError<C> {
  return error instanceof AssayError && (code === undefined || error.code === code);
}

/**
 * Proof that somebody misbehaved: the evidence is self-contained (signed notes, digests of stored bytes).
 * It is stored and alarmed, never retried.
 */
export class MisbehaviourError extends Error {
  readonly evidence: Readonly<Record<string, string>>;

  constructor(message: string, evidence: Readonly<Record<string, string>>, options?: ErrorOptions) {
    super(message, options);
    this.name = "MisbehaviourError";
    this.evidence = evidence;
  }
}
