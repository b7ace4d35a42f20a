import * as z from "zod";
import type { AppInfo } from "../../../core/contracts/blocks.ts";
import { columnNames } from "../shared/params.ts";
import { type Condition, ConditionProblem, parseCondition } from "./condition.ts";

/** See condition.ts for the language. Text is read as JSON, as a command line sends it. */
const where = z.unknown().transform((value, ctx): Condition => {
  try {
    return parseCondition(typeof value === "string" ? JSON.parse(value) : value);
  } catch (error) {
    const problem =
      error instanceof ConditionProblem
        ? error
        : new ConditionProblem([], 'must be a JSON object, such as {"state": "CA"}');
    ctx.issues.push({ code: "custom", input: value, path: [...problem.path], message: problem.message });
    return z.NEVER;
  }
});

export const selectParams = z.strictObject({ where: where.optional(), columns: columnNames.optional() });
export type SelectParams = z.output<typeof selectParams>;

export const select: AppInfo = {
  kind: "app",
  name: "select",
  version: "1.0",
  description:
    'Keeps the records of CSV or NDJSON that meet a condition ({"state": "CA"}, comparisons, all, any, not), and of each the named columns.',
  params: selectParams,
  taskSeconds: 2,
  accepts: ["records"],
  produces: "records",
};
