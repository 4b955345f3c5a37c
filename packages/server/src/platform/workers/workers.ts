import { Tinypool } from "tinypool";

/**
 * Threads for work that would stall the event loop. They start when first needed and end when idle, so that a
 * quiet server holds no memory for them.
 */
export interface Workers {
  /**
   * Runs the task in a thread and answers what it returns. Input and output are structured-cloned; buffers in
   * `transfer` are moved and empty here afterwards. Rejects with what the task threw (own errors arrive as plain
   * errors with their message), or when its thread dies, for instance by using too much memory; others go on.
   */
  run<Input, Output>(task: WorkerTask<Input, Output>, input: Input, transfer?: readonly ArrayBuffer[]): Promise<Output>;

  /** Ends all threads; what runs is rejected. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A function that runs in a thread: the export `name` of the module `file` (`new URL("./x.ts", import.meta.url)`).
 * The module is loaded once a thread and must not have a default export.
 */
export interface WorkerTask<Input, Output> {
  readonly file: URL;
  readonly name: string;
  /** Carries the types; never set. */
  readonly types?: (input: Input) => Output;
}

type TransferList = NonNullable<NonNullable<Parameters<Tinypool["run"]>[1]>["transferList"]>;

/** At most `maxThreads` threads, each ended after `idleMs` without work and limited to `maxHeapMiB` of heap. */
export function createWorkers(limits: {
  readonly maxThreads: number;
  readonly idleMs: number;
  readonly maxHeapMiB: number;
}): Workers {
  const pool = new Tinypool({
    minThreads: 0,
    maxThreads: limits.maxThreads,
    idleTimeout: limits.idleMs,
    runtime: "worker_threads",
    // With atomics an idle thread blocks in a wait; asynchronous tasks (file writes) want a running event loop.
    useAtomics: false,
    resourceLimits: { maxOldGenerationSizeMb: limits.maxHeapMiB },
  });
  // A thread that dies without a task has nobody to tell; the next run starts another one.
  pool.on("error", () => {});

  // Who waits, waits here: the pool would not start a new thread for its own queue after one died.
  let running = 0;
  const waiting: (() => void)[] = [];
  async function turn(): Promise<void> {
    if (running === limits.maxThreads) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
  }
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    async run<Input, Output>(
      task: WorkerTask<Input, Output>,
      input: Input,
      transfer: readonly ArrayBuffer[] = [],
    ): Promise<Output> {
      await turn();
      try {
        // The pool's own type for the list is inferred from the wrong overload of postMessage.
        const transferList = [...transfer] as unknown as TransferList;
        return (await pool.run(input, { filename: task.file.href, name: task.name, transferList })) as Output;
      } finally {
        leave();
      }
    },
    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
}

/** True when a thread died because its task needed more memory than `maxHeapMiB`. */
export function isWorkerLimit(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
}
