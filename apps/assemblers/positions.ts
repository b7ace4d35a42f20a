import type { AssemblerWork, CommittedResult, PositionedSegment, Segment } from "../../core/merge/index.ts";
import type { Value } from "../../core/ports/index.ts";

/**
 * Where an assembler stands in its output: a stage of its own naming, the result that comes next (number of its batch,
 * and its index there), and what it must remember of all before.
 */
export interface Position<S> {
  readonly stage: string;
  readonly batch: number;
  readonly result: number;
  readonly state: S;
}

/** A segment with the position at which the output, opened again, begins with it. */
export const placed = <S extends Value>(
  segment: Segment,
  stage: string,
  state: S,
  { batch, index }: { readonly batch: number; readonly index: number } = { batch: 0, index: 0 },
): PositionedSegment => ({ segment, at: [stage, batch, index, state] });

export const text = (content: string): Segment => ({ literal: new TextEncoder().encode(content) });

/** @param at the `at` of a segment, or nothing for the beginning */
export function positionOf<S>(at: Value | undefined, start: Position<S>, parse: (state: Value) => S): Position<S> {
  if (!Array.isArray(at)) return start;
  const [stage, batch, result, state] = at as readonly Value[];
  return { stage: String(stage), batch: Number(batch), result: Number(result), state: parse(state ?? null) };
}

export interface Step {
  readonly result: CommittedResult;
  readonly batch: number;
  readonly index: number;
}

/** All results from a place on. */
export async function* walk(
  work: AssemblerWork,
  from: { readonly batch: number; readonly result: number },
): AsyncGenerator<Step> {
  for await (const { n, results } of work.results(from.batch)) {
    for (let index = n === from.batch ? from.result : 0; index < results.length; index++) {
      const result = results[index];
      if (result) yield { result, batch: n, index };
    }
  }
}
