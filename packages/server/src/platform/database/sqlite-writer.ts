/**
 * The thread that writes: it holds the only writing connection of this process, and waits for the disk so
 * that no reader has to. Imports nothing but the shim, to start quickly.
 *
 * It never returns to its event loop: between requests it sleeps on the bell, which wakes it sooner than a
 * message event would.
 */
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { openSqlite, type SqliteConnection } from "./sqlite-shim.ts";
import { changesSchema } from "./sqlite-text.ts";
import { command, type Reply, type Request, type WireError, type WriterData } from "./sqlite-wire.ts";

/** SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC: what is on the disk is not known any more. */
const syncFailures: ReadonlySet<number> = new Set([1034, 1290]);

interface Named {
  readonly sql: string;
  columns: readonly string[] | undefined;
}

interface Writer {
  readonly connection: SqliteConnection;
  readonly names: Map<number, Named>;
  /** Why the open group cannot be committed. */
  groupFailure: WireError | undefined;
  /** Why nothing can be written any more. */
  stopped: WireError | undefined;
}

function wireError(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error);
  const errcode =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
  return { message, errcode };
}

/** Runs a control statement; its failure fails the group, and a failed sync stops the writer. */
function control(writer: Writer, sql: string): void {
  if (writer.groupFailure !== undefined) return;
  try {
    writer.connection.run(sql);
  } catch (error) {
    writer.groupFailure = wireError(error);
    noticeSyncFailure(writer, writer.groupFailure);
  }
}

function noticeSyncFailure(writer: Writer, failure: WireError): void {
  // A sync that succeeds after one that failed proves nothing: the kernel may have dropped the pages.
  if (failure.errcode === undefined || !syncFailures.has(failure.errcode)) return;
  writer.stopped = { message: `the writer stopped after a failed sync (${failure.message})`, errcode: failure.errcode };
}

function begin(writer: Writer): void {
  writer.groupFailure = writer.stopped;
  control(writer, "begin immediate");
}

function commit(writer: Writer): Reply {
  control(writer, "commit");
  const failure = writer.groupFailure;
  if (failure === undefined) return 0;
  if (writer.connection.inTransaction) {
    try {
      writer.connection.run("rollback");
    } catch (error) {
      writer.stopped = wireError(error);
    }
  }
  return failure;
}

function runStatement(writer: Writer, number: number, parameters: readonly unknown[]): Reply {
  if (writer.groupFailure !== undefined) return writer.groupFailure;
  const named = writer.names.get(number);
  if (named === undefined) return { message: `statement ${number} has no name`, errcode: undefined };
  try {
    const statement = writer.connection.prepare(named.sql);
    const { rows, changes } = statement.execute(parameters);
    if (changesSchema(named.sql)) writer.connection.forgetStatements();
    if (statement.columns.length === 0) return changes;
    const columns = statement.columns === named.columns ? null : statement.columns;
    named.columns = statement.columns;
    return [columns, rows as unknown[][]];
  } catch (error) {
    const failure = wireError(error);
    // SQLite undoes the whole transaction by itself when the disk is full or fails.
    if (!writer.connection.inTransaction) writer.groupFailure = failure;
    noticeSyncFailure(writer, failure);
    return failure;
  }
}

/** Answers one request. False after `close`. */
function answer(writer: Writer, request: Request, replies: Reply[]): boolean {
  for (let at = 0; at < request.length; at += 1) {
    switch (request[at]) {
      case command.begin:
        begin(writer);
        break;
      case command.savepoint:
        control(writer, "savepoint work");
        break;
      case command.release:
        control(writer, "release work");
        break;
      case command.rollbackToSavepoint:
        control(writer, "rollback to work");
        control(writer, "release work");
        break;
      case command.commit:
        replies.push(commit(writer));
        break;
      case command.run:
        replies.push(runStatement(writer, request[at + 1] as number, request[at + 2] as unknown[]));
        at += 2;
        break;
      case command.name:
        writer.names.set(request[at + 1] as number, { sql: request[at + 2] as string, columns: undefined });
        at += 2;
        break;
      case command.forgetNames:
        writer.names.clear();
        break;
      case command.close:
        replies.push(close(writer));
        return false;
      default:
        throw new Error(`unknown command ${String(request[at])}`);
    }
  }
  return true;
}

function close(writer: Writer): Reply {
  try {
    if (writer.stopped === undefined) {
      writer.connection.run("pragma optimize");
      // Leaves one file; a reader that is still there keeps the WAL, which is as good.
      writer.connection.run("pragma wal_checkpoint(truncate)");
    }
    writer.connection.close();
    return 0;
  } catch (error) {
    return wireError(error);
  }
}

function main(): void {
  const { path, busyTimeoutMs, port, bell } = workerData as WriterData;
  let connection: SqliteConnection;
  try {
    connection = openSqlite({ path, access: "write", busyTimeoutMs });
  } catch (error) {
    port.postMessage([wireError(error)]);
    return sleepUntilTerminated(bell);
  }
  port.postMessage([0]);
  const writer: Writer = { connection, names: new Map(), groupFailure: undefined, stopped: undefined };
  for (;;) {
    // Read before looking for a message: a ring in between then ends the sleep at once.
    const rung = Atomics.load(bell, 0);
    const received = receiveMessageOnPort(port);
    if (received === undefined) {
      Atomics.wait(bell, 0, rung);
      continue;
    }
    const replies: Reply[] = [];
    const open = answer(writer, received.message as Request, replies);
    if (replies.length > 0) port.postMessage(replies);
    if (!open) return sleepUntilTerminated(bell);
  }
}

/** Ending by itself, the thread could be gone before its last answer is read. */
function sleepUntilTerminated(bell: Int32Array): void {
  for (;;) Atomics.wait(bell, 0, Atomics.load(bell, 0));
}

main();
