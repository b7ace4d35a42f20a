/** How an assembler describes its output to the assemble step: as a plan, not as bytes. */
import type { AssemblerInfo } from "../contracts/blocks.ts";
import { InvalidInputError } from "../errors.ts";
import type { ObjectStore, Place, Value } from "../ports/index.ts";
import type { Budget } from "../ports/services.ts";
import type { CommittedBatch } from "./results.ts";
import type { SegmentSource } from "./segment.ts";

export interface AssemblerWork {
  readonly objects: ObjectStore;
  /** For `prepare`: when to stop and answer where it stands. */
  readonly budget: Budget;
  readonly tasks: number;
  readonly app: { readonly name: string; readonly params: Readonly<Record<string, unknown>> };
  /** params.assembler, parsed. */
  readonly params: Readonly<Record<string, unknown>>;
  /** csv input with a header: the names of its columns. */
  readonly inputColumns: readonly string[] | null;
  readonly results: (fromBatch?: number) => AsyncIterable<CommittedBatch>;
  /** A place for an intermediate object of this claim. */
  readonly scratch: (name: string) => Place;
}

export type Prepared = { readonly done: boolean; readonly state: Value };

export type AssemblerEngine =
  /** Every result becomes an output of its own. */
  | { readonly shape: "each" }
  | {
      readonly shape: "one";
      readonly contentType: (params: AssemblerWork["params"]) => string;
      /** Work before the output can be described; called again with the state it answered until it is done. */
      readonly prepare?: (work: AssemblerWork, state: Value) => Promise<Prepared>;
      /** The output; `state` is what `prepare` ended with, else null. Opened twice, it gives the same segments. */
      readonly source: (work: AssemblerWork, state: Value) => SegmentSource;
    };

/** By the assembler's name: what is known of it, and its code. */
export type AssemblerEngines = Readonly<
  Record<string, { readonly info: AssemblerInfo; readonly engine: AssemblerEngine }>
>;

/** params.assembler with its defaults, and the name of the one output; null when there are as many as results. */
export function assemblerParams(
  info: AssemblerInfo,
  params: Readonly<Record<string, unknown>>,
): { readonly params: Readonly<Record<string, unknown>>; readonly name: string | null } {
  const parsed = info.params.safeParse(params);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InvalidInputError(["params.assembler", ...(issue?.path ?? [])].join("."), issue?.message ?? "is invalid");
  }
  if (info.outputName === null) return { params: parsed.data, name: null };
  const { name } = parsed.data;
  return { params: parsed.data, name: typeof name === "string" ? name : info.outputName };
}
