import { InvalidInputError, JobJobError } from "../../core/errors.ts";
import type { JsonValue, Reducer, ReducerDefinition } from "./contract.ts";
import { parseParams } from "./params.ts";

/** A reducer's definition with its params, as the `reduce` assembler and the runtime use it. @throws InvalidInputError */
export function bindReducer<P, A, R>(definition: ReducerDefinition<P, A, R>, params: unknown): Reducer {
  const bound = parseParams(definition.params, params);
  return {
    init: () => definition.init(bound),
    parse: (text) => {
      try {
        const value: unknown = JSON.parse(text);
        return definition.fromJson ? definition.fromJson(value) : value;
      } catch (cause) {
        throw new JobJobError({
          code: "ACCUMULATOR_INVALID",
          message:
            "A task's accumulator can't be read; requeue its task (jobjob requeue --tasks), and if that doesn't help, the app's fromJson doesn't fit its toJson.",
          cause,
        });
      }
    },
    serialise: (accumulator) => serialiseAccumulator(definition, accumulator as A),
    merge: (first, second) => definition.merge(first as A, second as A, bound),
    finish: (accumulator) => definition.finish(accumulator as A, bound),
  };
}

/** One JSON document, names of objects in order, so that equal accumulators give equal bytes. */
export function serialiseAccumulator<P, A, R>(definition: ReducerDefinition<P, A, R>, accumulator: A): string {
  return stableJson(definition.toJson ? definition.toJson(accumulator) : (accumulator as JsonValue));
}

function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(",")}]`;
  if (typeof value !== "object" || value === null) {
    const text = JSON.stringify(value);
    if (text === undefined)
      throw new InvalidInputError("accumulator", `holds a ${typeof value}, which has no JSON form; define toJson`);
    return text;
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stableJson(member)}`).join(",")}}`;
}
