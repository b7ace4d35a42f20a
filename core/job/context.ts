import type { ControlContext } from "../steps/context.ts";
import type { Catalog } from "./catalog.ts";

/** All that the job commands may touch. */
export interface JobContext extends ControlContext {
  readonly catalog: Catalog;
  /** Milliseconds; for the long poll. */
  readonly sleep: (ms: number) => Promise<void>;
}
