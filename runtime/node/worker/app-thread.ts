import { Worker } from "node:worker_threads";
import { type ErrorData, fromErrorData, JobJobError } from "../../../core/errors.ts";
import type { FromThread, HandConfig, ThreadData, ToThread } from "../messages.ts";

export interface AppThreadOptions {
  /** The module of the thread: it calls `startThread`. */
  readonly thread: URL;
  /** MiB the app's heap may take; a task that needs more ends as TASK_OUT_OF_MEMORY. */
  readonly heapMiB: number;
  /** One Int32, shared: 1 = begin no further task. */
  readonly control: SharedArrayBuffer;
  readonly heard: (message: TaskMessage) => void;
  /** It ended by itself, after it was configured. `thrown`: what nobody caught. */
  readonly died: (error: ErrorData, thrown: unknown) => void;
}

/** What the thread says of its tasks. */
export type TaskMessage = Exclude<FromThread, { t: "ready" | "refused" }>;

const START_TIMEOUT_MS = 60_000;
/** The app's young generation: twice as much made nothing faster, and kept 10 MiB more garbage. */
const YOUNG_MIB = 8;

/** The thread that runs apps' code, replaced when it is gone. Of a thread that was detached nothing more is heard. */
export class AppThread {
  readonly #options: AppThreadOptions;
  #worker: Worker | undefined;
  #ready: { resolve: () => void; reject: (error: JobJobError) => void } | undefined;

  constructor(options: AppThreadOptions) {
    this.#options = options;
  }

  /** Starts the thread if there is none, and readies it for a job's tasks. @throws JobJobError of the app */
  async configure(config: HandConfig): Promise<void> {
    this.#worker ??= this.#spawn();
    const worker = this.#worker;
    worker.ref();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ready = { resolve, reject };
        timer = setTimeout(() => {
          if (this.#worker === worker) void this.detach();
          reject(loadFailed("it took longer than 60 s to load"));
        }, START_TIMEOUT_MS);
        worker.postMessage({ t: "configure", config } satisfies ToThread);
      });
    } finally {
      clearTimeout(timer);
      this.#ready = undefined;
    }
  }

  post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  /** Lets the process freeze or end; the thread stays warm. */
  rest(): void {
    this.#worker?.unref();
  }

  /** The thread is ours no longer, and ends: whatever it still says is not heard. */
  async detach(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #spawn(): Worker {
    const { thread, heapMiB, control } = this.#options;
    const worker = new Worker(thread, {
      workerData: { control } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    let thrown: unknown;
    worker.on("message", (message: FromThread) => {
      if (this.#worker === worker) this.#receive(message);
    });
    worker.on("error", (error) => {
      thrown = error;
    });
    worker.on("exit", (code) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const error = deathError(thrown, code);
      if (this.#ready) this.#ready.reject(loadFailed(error.message));
      else this.#options.died(error, thrown);
    });
    return worker;
  }

  #receive(message: FromThread): void {
    if (message.t === "ready") this.#ready?.resolve();
    else if (message.t === "refused") this.#ready?.reject(fromErrorData(message.error));
    else this.#options.heard(message);
  }
}

function loadFailed(why: string): JobJobError {
  return new JobJobError({
    code: "APP_LOAD_FAILED",
    message: `The app's code could not be loaded: ${why}. Run it with \`jobjob app run\` to see why.`,
    retryable: true,
  });
}

function deathError(error: unknown, code: number): ErrorData {
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return {
      code: "TASK_OUT_OF_MEMORY",
      message:
        "The task filled the memory of its worker and was killed; stream the chunk instead of holding it, or make chunks smaller (config.maxChunkSize).",
      retryable: true,
    };
  }
  if (error !== undefined) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { code: "APP_ERROR", message: `Uncaught: ${text}`.slice(0, 1_000), retryable: true };
  }
  return {
    code: "TASK_EXITED",
    message: `The task ended its process (exit code ${code}); return from run() instead, or throw an error to fail.`,
    retryable: true,
  };
}
