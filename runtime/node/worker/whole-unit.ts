import { type ErrorData, toErrorData } from "../../../core/errors.ts";
import { type FeederOptions, INLINE_BYTES, type InputFacts, type Unit } from "./feed-unit.ts";
import { free } from "./free.ts";
import type { HandTask } from "./hand-plan.ts";
import type { Submission } from "./submission.ts";
import { type PinnedObject, WindowReader } from "./window-reader.ts";

/** Tasks whose input is not cut: sets of objects, and generators. */
export class WholeUnit implements Unit {
  readonly isSmall: boolean;
  readonly #options: FeederOptions;
  readonly #task: HandTask;
  readonly #sources: readonly PinnedObject[];
  #early: Promise<readonly Uint8Array[]> | null = null;

  constructor(options: FeederOptions, task: HandTask, sources: readonly PinnedObject[]) {
    this.#options = options;
    this.#task = task;
    this.#sources = sources;
    this.isSmall = task.spec.size <= INLINE_BYTES && sources.length <= 64;
  }

  prime(): void {
    if (!this.isSmall || this.#early || this.#sources.length === 0) return;
    this.#early = Promise.all(this.#sources.map((source) => this.#readSmall(source)));
    this.#early.catch(() => undefined);
  }

  async run(lastAsked: () => void): Promise<boolean> {
    const { supervisor, results, sequential } = this.#options;
    const task = this.#task;
    const facts: InputFacts = { bytes: task.spec.size };
    if (task.input.kind === "objects" && this.#sources.length === 0) {
      if (!results.mayTake(task)) return false;
      results.skipped(task, facts);
      return true;
    }
    let inline: Submission["inline"] = [];
    if (!this.isSmall) {
      inline = null;
      facts.bytes = 0;
    } else if (this.#sources.length > 0) {
      this.prime();
      try {
        const contents = (await this.#early) ?? [];
        inline = contents.map((bytes, object) => ({ object, offset: 0, bytes }));
      } catch (error) {
        if (!results.mayTake(task)) return false;
        const data = toErrorData(error);
        results.refused(task, data);
        return !data.retryable;
      }
    }
    await supervisor.room();
    if (!(await results.begin(task))) return false;
    const events = results.eventsFor(task, facts);
    const opened = (object: number): void => {
      // What fails here beyond the input is the supervisor's failure, which drained() throws.
      this.#serve(id, object, facts).catch(() => undefined);
    };
    const id = supervisor.submit({ spec: task.spec, inline, events: { ...events, opened } });
    if (sequential || inline === null) await supervisor.drained();
    lastAsked();
    return true;
  }

  async #readSmall(source: PinnedObject): Promise<Uint8Array> {
    if (source.size === 0) return new Uint8Array(0);
    const { objects, meter } = this.#options;
    const reader = new WindowReader({ objects, source, meter, windowBytes: INLINE_BYTES }, 0, source.size);
    return (await reader.next()) ?? new Uint8Array(0);
  }

  /** Streams one object that the app opened. */
  async #serve(id: number, object: number, facts: InputFacts): Promise<void> {
    const { supervisor, objects, meter, windowBytes } = this.#options;
    const source = this.#sources[object];
    let error: ErrorData | undefined;
    if (source) {
      const reader = new WindowReader({ objects, source, meter, windowBytes }, 0, source.size);
      try {
        let offset = 0;
        for (let window = await reader.next(); window; window = await reader.next()) {
          if (!(await supervisor.feed(id, object, offset, window))) return;
          offset += window.length;
          facts.bytes += window.length;
          free(window);
        }
      } catch (cause) {
        error = toErrorData(cause);
        facts.error = error;
      }
    }
    await supervisor.endInput(id, object, error);
  }
}
