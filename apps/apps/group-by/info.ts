import * as z from "zod";
import type { AppInfo } from "../../../core/contracts/blocks.ts";
import { columnNames } from "../shared/params.ts";

const SHORT = /^(count|(sum|min|max|mean)\((.+)\))$/;
export const OPERATIONS = ["sum", "min", "max", "mean"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** `column` is "" for count. */
export interface Aggregate {
  readonly op: "count" | Operation;
  readonly column: string;
}

const problem =
  'must be "count", or as in "sum(amount)" or {"op": "sum", "column": "amount"} with sum, min, max or mean';
const aggregate = z.union(
  [
    z
      .string()
      .regex(SHORT)
      .transform((text): Aggregate => {
        const [, , op, column] = SHORT.exec(text) ?? [];
        return op === undefined ? { op: "count", column: "" } : { op: op as Operation, column: column ?? "" };
      }),
    z.strictObject({ op: z.enum(OPERATIONS), column: z.string().min(1) }),
    z.strictObject({ op: z.literal("count") }).transform((): Aggregate => ({ op: "count", column: "" })),
  ],
  { error: problem },
);

/** "count,sum(a)" as a command line sends it; a comma inside the brackets belongs to the column. */
const aggregateList = z
  .union(
    [
      z.string().transform((text) => text.match(/[^,(]+(?:\([^)]*\))?/g)?.map((part) => part.trim()) ?? []),
      z.array(z.unknown()),
    ],
    {
      error: 'must be an array of aggregates or text such as "count,sum(amount)"',
    },
  )
  .pipe(z.array(aggregate).min(1, 'names no aggregate; name at least one, as in ["count"]'));

export const groupByParams = z
  .strictObject({
    by: columnNames,
    aggregates: aggregateList.default([{ op: "count", column: "" }]),
  })
  .check((ctx) => {
    const names = groupByColumns(ctx.value);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      ctx.issues.push({
        code: "custom",
        input: ctx.value,
        path: ["aggregates"],
        message: `make the column "${twice}" twice; name each once`,
      });
    }
  });
export type GroupByParams = z.output<typeof groupByParams>;

export const aggregateName = ({ op, column }: Aggregate): string => (op === "count" ? "count" : `${op}(${column})`);
/** Columns of the result. */
export const groupByColumns = ({ by, aggregates }: GroupByParams): string[] => [
  ...by,
  ...aggregates.map(aggregateName),
];

export const groupBy: AppInfo = {
  kind: "app",
  name: "group-by",
  version: "1.0",
  description:
    "Groups records by one or more columns: count, sum, min, max, mean. Sums are exact to the last digit; rows sorted by key (byte order).",
  params: groupByParams,
  taskSeconds: 3,
  accepts: ["records"],
  produces: "accumulator",
};
