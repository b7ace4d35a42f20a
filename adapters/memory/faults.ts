import { JobJobError } from "../../core/errors.ts";
import { RefusedError } from "../../core/ports/index.ts";

/** One moment of a call to a port, as a fault hook sees it. */
export interface Moment {
  /** `after`: the call has taken effect (or failed) and its answer is on the way back. */
  readonly when: "before" | "after";
  /** The name given to `withFaults`. */
  readonly port: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Counts the calls of this wrapper from 1. */
  readonly call: number;
  /** Only `after`. */
  readonly outcome?: { readonly value: unknown } | { readonly error: unknown };
}

/**
 * Called before and after every call. What it throws is what the caller gets: thrown `before`, the call never took
 * place (throttled, conflict, crashed before); thrown `after`, it took effect and the answer was lost (crashed after).
 * A promise delays the call, so that a scheduler can order the calls of several actors.
 */
export type FaultHook = (moment: Moment) => void | Promise<void>;

/** The ports' own methods; whatever else a twin offers (stats, dump, helpers) passes through untouched. */
const METHODS: ReadonlySet<PropertyKey> = new Set([
  ...["get", "batchGet", "query", "write", "transact"],
  ...["head", "put", "list", "delete", "createUpload", "uploadPart", "uploadPartCopy", "completeUpload"],
  ...["abortUpload", "listUploads", "presignGet", "presignPut", "presignPart"],
  ...["start", "stop", "status", "sweep", "read", "send"],
]);
/** These answer an AsyncIterable at once; `before` runs when its first block is asked for, `after` behind the last. */
const STREAMS: ReadonlySet<PropertyKey> = new Set(["stream"]);

/**
 * Any port with a hook around every call.
 *
 * @example
 * const table = withFaults(new MemoryTable(), ({ when, method, call }) => {
 *   if (when === "after" && method === "transact" && call === 3) throw new Crash();
 * });
 */
export function withFaults<P extends object>(port: P, hook: FaultHook, name: string = port.constructor.name): P {
  let calls = 0;
  type AnyMethod = (...args: unknown[]) => unknown;

  const around =
    (method: string, original: AnyMethod) =>
    async (...args: unknown[]): Promise<unknown> => {
      const call = ++calls;
      const moment = { port: name, method, args, call };
      await hook({ ...moment, when: "before" });
      let value: unknown;
      try {
        value = await original(...args);
      } catch (error) {
        await hook({ ...moment, when: "after", outcome: { error } });
        throw error;
      }
      await hook({ ...moment, when: "after", outcome: { value } });
      return value;
    };

  const aroundStream = (method: string, original: AnyMethod) =>
    async function* (...args: unknown[]): AsyncGenerator<unknown> {
      const call = ++calls;
      const moment = { port: name, method, args, call };
      await hook({ ...moment, when: "before" });
      try {
        yield* original(...args) as AsyncIterable<unknown>;
      } catch (error) {
        await hook({ ...moment, when: "after", outcome: { error } });
        throw error;
      }
      await hook({ ...moment, when: "after", outcome: { value: undefined } });
    };

  return new Proxy(port, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as AnyMethod;
      if (STREAMS.has(property)) return aroundStream(String(property), method);
      return METHODS.has(property) ? around(String(property), method) : method;
    },
  });
}

/** Thrown by a hook where the process dies: nothing of ours may catch it and go on. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** The refusal of a write or transaction of `writes` writes that met another one at write `index`. */
export function conflict(writes = 1, index = 0): RefusedError {
  return new RefusedError(Array.from({ length: writes }, (_, i) => (i === index ? "conflict" : "none")));
}

/** What a port throws when its own retries didn't help. */
export function unavailable(code: "TABLE_UNAVAILABLE" | "STORE_UNAVAILABLE" | "WORKFLOW_UNAVAILABLE"): JobJobError {
  return new JobJobError({ code, message: "The service didn't answer in time; try again.", retryable: true });
}
