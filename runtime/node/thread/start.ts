import { parentPort, workerData } from "node:worker_threads";
import { type ErrorData, fromErrorData, JobJobError } from "../../../core/errors.ts";
import type { AnyBlock } from "../contract.ts";
import {
  type FromThread,
  type HandConfig,
  RESULT_CREDIT,
  type ResultPiece,
  type TaskOutcome,
  type ThreadData,
  type ToThread,
} from "../messages.ts";
import { Capture } from "./capture.ts";
import type { Block } from "./content.ts";
import { TaskRunner, taskError } from "./task-runner.ts";

/** Finds an app's code by its name; undefined when there is none. */
export type LoadBlock = (name: string) => AnyBlock | undefined | Promise<AnyBlock | undefined>;

type TaskMessage = Extract<ToThread, { t: "task" }>;

/** The whole life of the thread that runs apps' code: the supervisor on the main thread sends tasks, and may kill it. */
export function startThread(load: LoadBlock): void {
  const port = parentPort;
  if (!port) throw new JobJobError({ code: "NOT_A_THREAD", message: "startThread() runs in a worker thread only." });
  const control = new Int32Array((workerData as ThreadData).control);
  const post = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const queue: TaskMessage[] = [];
  const inputs = new Map<number, TaskInputs>();
  const results = new ResultWindow();
  const capture = new Capture(post);
  capture.install();
  let runner: TaskRunner | undefined;
  let busy = false;

  const runQueue = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (let message = queue.shift(); message; message = queue.shift()) {
      const { id, spec } = message;
      if (Atomics.load(control, 0) === 1 || !runner) {
        inputs.delete(id);
        post({ t: "handed-back", id });
        continue;
      }
      const input = inputs.get(id);
      const output = new TaskOutput(id, post, results);
      capture.begin(spec);
      const outcome = await runner.run(spec, {
        blocks: (object) => input?.blocks(object) ?? noBlocks(),
        log: capture.log,
        emit: (result, name, bytes, last) => output.emit({ result, name, bytes, last }),
      });
      inputs.delete(id);
      capture.end();
      output.end(outcome);
    }
    busy = false;
  };

  port.on("message", (message: ToThread) => {
    switch (message.t) {
      case "configure":
        capture.reset();
        void configure(message.config, load).then(
          (made) => {
            runner = made;
            post({ t: "ready" });
          },
          (error: unknown) => post({ t: "refused", error: taskError(error) }),
        );
        return;
      case "task":
        inputs.set(message.id, new TaskInputs(message, post));
        queue.push(message);
        void runQueue();
        return;
      case "block":
      case "input-end":
        inputs.get(message.id)?.take(message);
        return;
      case "credit":
        results.taken(message.bytes);
        return;
    }
  });
}

async function configure(config: HandConfig, load: LoadBlock): Promise<TaskRunner> {
  const block = await load(config.app);
  if (!block) {
    throw new JobJobError({
      code: "APP_UNKNOWN",
      message: `There is no app "${config.app}" here; see \`jobjob template list\` for what there is.`,
    });
  }
  return new TaskRunner(block, config);
}

/** Results that the supervisor hasn't taken yet; over the limit the app waits. */
class ResultWindow {
  #underWay = 0;
  #wake: (() => void)[] = [];

  async sent(bytes: number): Promise<void> {
    this.#underWay += bytes;
    while (this.#underWay > RESULT_CREDIT) await new Promise<void>((wake) => this.#wake.push(wake));
  }
  taken(bytes: number): void {
    this.#underWay -= bytes;
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Small buffers are copied sooner than handed over. */
const MOVED_BYTES = 16 * 1024;
const worthMoving = ({ bytes }: ResultPiece): ArrayBuffer[] => (bytes.length < MOVED_BYTES ? [] : [bytes.buffer]);

/** What one task gives, one piece behind: the last goes with the task's end. */
class TaskOutput {
  readonly #id: number;
  readonly #post: (message: FromThread, transfer?: ArrayBuffer[]) => void;
  readonly #window: ResultWindow;
  #held: ResultPiece | undefined;
  #ended = false;

  constructor(id: number, post: (message: FromThread, transfer?: ArrayBuffer[]) => void, window: ResultWindow) {
    this.#id = id;
    this.#post = post;
    this.#window = window;
  }

  async emit(piece: ResultPiece): Promise<void> {
    // Of an app that goes on behind its own end nothing is wanted.
    if (this.#ended) return;
    const before = this.#held;
    this.#held = piece;
    if (!before) return;
    const { length } = before.bytes;
    this.#post({ t: "data", id: this.#id, ...before }, worthMoving(before));
    await this.#window.sent(length);
  }

  /** Of a task that failed nothing is kept. */
  end(outcome: TaskOutcome): void {
    this.#ended = true;
    const rest = outcome.error ? undefined : this.#held;
    this.#held = undefined;
    if (rest) this.#post({ t: "end", id: this.#id, outcome, rest }, worthMoving(rest));
    else this.#post({ t: "end", id: this.#id, outcome });
  }
}

interface Arrival {
  readonly block?: Block;
  readonly error?: ErrorData;
}

/** The contents of one task: all here already, or arriving block by block. */
class TaskInputs {
  readonly #id: number;
  readonly #post: (message: FromThread, transfer?: ArrayBuffer[]) => void;
  readonly #inline: TaskMessage["inline"];
  readonly #streamed = new Map<number, { arrivals: Arrival[]; wake: (() => void) | undefined }>();

  constructor(message: TaskMessage, post: (message: FromThread, transfer?: ArrayBuffer[]) => void) {
    this.#id = message.id;
    this.#post = post;
    this.#inline = message.inline;
  }

  take(message: Extract<ToThread, { t: "block" | "input-end" }>): void {
    const stream = this.#stream(message.object);
    if (message.t === "block") {
      const { buffer, length, object, offset } = message;
      const release = () => this.#post({ t: "consumed", id: this.#id, object, buffer }, [buffer]);
      stream.arrivals.push({ block: { bytes: new Uint8Array(buffer, 0, length), offset, release } });
    } else stream.arrivals.push(message.error ? { error: message.error } : {});
    stream.wake?.();
  }

  async *blocks(object: number): AsyncGenerator<Block> {
    if (this.#inline) {
      const input = this.#inline.find((entry) => entry.object === object);
      if (input && input.bytes.length > 0) yield { bytes: input.bytes, offset: input.offset, release: () => undefined };
      return;
    }
    this.#post({ t: "open", id: this.#id, object });
    const stream = this.#stream(object);
    for (;;) {
      const arrival = stream.arrivals.shift();
      if (!arrival) {
        await new Promise<void>((wake) => {
          stream.wake = wake;
        });
      } else if (arrival.block) yield arrival.block;
      else if (arrival.error) throw fromErrorData(arrival.error);
      else return;
    }
  }

  #stream(object: number) {
    const stream = this.#streamed.get(object) ?? { arrivals: [], wake: undefined };
    this.#streamed.set(object, stream);
    return stream;
  }
}

async function* noBlocks(): AsyncGenerator<Block> {}
