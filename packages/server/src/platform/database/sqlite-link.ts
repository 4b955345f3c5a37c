import { MessageChannel, Worker } from "node:worker_threads";
import { AssayError } from "@assay/core";
import { checkParameters } from "./parameters.ts";
import { command, type Reply, type Request, type WireError, type WriterData } from "./sqlite-wire.ts";

/** This thread's end of the writer. Commands take effect in the order of the calls. */
export interface SqliteLink {
  begin(): void;
  savepoint(): void;
  release(): void;
  rollbackToSavepoint(): void;
  /** Rows as plain objects, and how many rows were changed. Rejects with SQLite's error. */
  run(sql: string, parameters: readonly unknown[]): Promise<LinkResult>;
  /** Resolves when the group is durable. Rejects when all of it was undone. */
  commit(): Promise<void>;
  /** Closes the database and ends the thread. */
  close(): Promise<void>;
}

export interface LinkResult {
  readonly rows: Record<string, unknown>[];
  readonly changes: number;
}

interface Waiting {
  resolve(reply: Exclude<Reply, WireError>): void;
  reject(error: Error): void;
}

/** Statement texts that the writer is told once and then called by number. */
const namedStatements = 500;

/** Starts the writing thread and resolves when it has opened the file. */
export async function startWriter(options: { path: string; busyTimeoutMs: number }): Promise<SqliteLink> {
  const { port1: port, port2 } = new MessageChannel();
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WriterData = { ...options, port: port2, bell };
  const worker = new Worker(new URL("sqlite-writer.ts", import.meta.url), {
    workerData,
    transferList: [port2],
    execArgv: [],
    env: {},
    name: "sqlite-writer",
  });
  const waiting: Waiting[] = [];
  let answered = 0;
  let broken: Error | undefined;

  function fail(reason: string, cause?: unknown): void {
    broken ??= new AssayError("DATABASE", { reason }, { cause });
    for (const { reject } of waiting.splice(0).slice(answered)) reject(broken);
    answered = 0;
    port.close();
  }
  worker.on("error", (error) => fail("the writing thread failed", error));
  worker.on("exit", () => fail("the writing thread has ended"));

  port.on("message", (replies: Reply[]) => {
    for (const reply of replies) {
      const next = waiting[answered];
      answered += 1;
      if (next === undefined) return fail("the writing thread answered what was not asked");
      if (isWireError(reply)) next.reject(fromWire(reply));
      else next.resolve(reply);
    }
    if (answered === waiting.length) {
      waiting.length = 0;
      answered = 0;
    }
  });

  function answer(): Promise<Exclude<Reply, WireError>> {
    if (broken !== undefined) return Promise.reject(broken);
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
  }

  async function end(): Promise<void> {
    await worker.terminate();
  }
  try {
    await answer();
  } catch (error) {
    await end();
    throw error;
  }
  return createLink(
    (request) => {
      port.postMessage(request);
      Atomics.add(bell, 0, 1);
      Atomics.notify(bell, 0);
    },
    answer,
    end,
  );
}

function createLink(
  post: (request: Request) => void,
  answer: () => Promise<Exclude<Reply, WireError>>,
  end: () => Promise<void>,
): SqliteLink {
  const numbers = new Map<string, { readonly number: number; columns: readonly string[] }>();
  let request: Request = [];
  let flushing = false;

  function flush(): void {
    flushing = false;
    const full = request;
    request = [];
    if (full.length > 0) post(full);
  }
  // Statements given in one go, and the control commands before them, travel as one message.
  function flushSoon(): void {
    if (flushing) return;
    flushing = true;
    queueMicrotask(flush);
  }
  function numbered(sql: string): { readonly number: number; columns: readonly string[] } {
    const known = numbers.get(sql);
    if (known !== undefined) return known;
    if (numbers.size >= namedStatements) {
      numbers.clear();
      request.push(command.forgetNames);
    }
    const fresh = { number: numbers.size, columns: [] };
    numbers.set(sql, fresh);
    request.push(command.name, fresh.number, sql);
    return fresh;
  }

  return {
    begin: () => void request.push(command.begin),
    savepoint: () => void request.push(command.savepoint),
    release: () => void request.push(command.release),
    rollbackToSavepoint: () => void request.push(command.rollbackToSavepoint),
    async run(sql, parameters) {
      const values = checkParameters(parameters).map(detached);
      const statement = numbered(sql);
      request.push(command.run, statement.number, values);
      flushSoon();
      const reply = await answer();
      if (typeof reply === "number") return { rows: [], changes: reply };
      const [columns, rows] = reply;
      if (columns !== null) statement.columns = columns;
      return { rows: rows.map((row) => plainRow(statement.columns, row)), changes: 0 };
    },
    async commit() {
      request.push(command.commit);
      flush();
      await answer();
    },
    async close() {
      request.push(command.close);
      flush();
      try {
        await answer();
      } finally {
        await end();
      }
    },
  };
}

/** A row as an ordinary object; of two columns with one name the last counts. */
export function plainRow(columns: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index += 1) row[columns[index] ?? ""] = values[index];
  return row;
}

/** A view into a larger buffer would be cloned with all of it, other people's bytes included. */
function detached<T>(value: T): T | Uint8Array {
  return value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength ? new Uint8Array(value) : value;
}

function isWireError(reply: Reply): reply is WireError {
  return typeof reply === "object" && !Array.isArray(reply);
}

function fromWire({ message, errcode }: WireError): Error {
  return Object.assign(new Error(message), errcode === undefined ? {} : { errcode });
}
