/**
 * The table's twin hands out items as they are stored, so an item that was read before is the same object: its schema need not
 * look at it again. A quarter of a schedule's time would go into that. What was parsed is frozen, since its readers share it.
 */
import { jobItem, specItem } from "../../core/contracts/job-items.ts";
import { batchItem, gateItem } from "../../core/contracts/progress-items.ts";

interface Schema {
  parse(value: unknown): unknown;
}

export function parseItemsOnce(): void {
  for (const schema of [jobItem, specItem, gateItem, batchItem] as readonly Schema[]) {
    const known = new WeakMap<object, unknown>();
    const parse = schema.parse.bind(schema);
    schema.parse = (value) => {
      if (typeof value !== "object" || value === null) return parse(value);
      let parsed = known.get(value);
      if (parsed === undefined) {
        parsed = Object.freeze(parse(value));
        known.set(value, parsed);
      }
      return parsed;
    };
  }
}
