/** I8: the output of an app doesn't depend on how its input was cut. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupByApp } from "../../apps/apps/group-by/app.ts";
import { selectApp } from "../../apps/apps/select/app.ts";
import { wordCountApp } from "../../apps/apps/word-count/app.ts";
import { formatCsvRecord } from "../../core/records/index.ts";
import { runLocally } from "../../runtime/node/index.ts";

const cell = fc.oneof(
  fc.constantFrom("CA", "NY", "", 'a"b', "x,y", "line\nbreak", "é🐦", "__proto__"),
  fc.string({ maxLength: 6, unit: "grapheme" }).filter((text) => !text.includes("\r")),
);
const number = fc.oneof(
  fc.constantFrom("", "0.1", "0.2", "-7", "1e3", "not a number", "9007199254740993"),
  fc.tuple(fc.integer(), fc.nat(9)).map(([units, scale]) => `${units}e-${scale}`),
);
const csv = fc
  .array(fc.tuple(cell, cell, number), { maxLength: 40 })
  .map((rows) => ["state,name,amount", ...rows.map((row) => formatCsvRecord(row))].join("\n"));
const maxChunkSize = fc.integer({ min: 1, max: 200 });

describe("any split of a file gives the same output", () => {
  it("group-by", async () => {
    const params = {
      by: ["state"],
      aggregates: ["count", "sum(amount)", "min(amount)", "max(amount)", "mean(amount)"],
    };
    await fc.assert(
      fc.asyncProperty(csv, maxChunkSize, async (input, size) => {
        const run = (sizing: object) => runLocally(groupByApp, { input, format: "csv", params, sizing });
        const [whole, split] = [await run({}), await run({ maxChunkSize: size })];
        expect(split.output.toString()).toBe(whole.output.toString());
        expect(split.rejections.map(({ item }) => item)).toEqual(whole.rejections.map(({ item }) => item));
      }),
      { numRuns: 300 },
    );
  });

  it.each(["csv", "ndjson", "json"] as const)("select to %s", async (output) => {
    const params = { where: { any: [{ state: ["CA", "NY", ""] }, { column: "amount", op: "ge", value: 0.15 }] } };
    await fc.assert(
      fc.asyncProperty(csv, maxChunkSize, async (input, size) => {
        const run = (sizing: object) => runLocally(selectApp, { input, format: "csv", output, params, sizing });
        const [whole, split] = [await run({}), await run({ maxChunkSize: size })];
        expect(split.output.toString()).toBe(whole.output.toString());
      }),
      { numRuns: 200 },
    );
  });

  it("word-count", async () => {
    const text = fc.array(fc.constantFrom("the", "The", "дом", "it's", " ", "\n", ", ", "été"), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(text, maxChunkSize, async (parts, size) => {
        const run = (sizing: object) => runLocally(wordCountApp, { input: parts.join(""), sizing });
        expect((await run({ maxChunkSize: size })).output.toString()).toBe((await run({})).output.toString());
      }),
      { numRuns: 200 },
    );
  });

  it("sums are those of whole numbers, whatever the order", async () => {
    const cents = fc.array(fc.integer(), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(cents, maxChunkSize, async (values, size) => {
        const decimalOf = (value: number) => `${value}e-2`;
        const input = ["k,v", ...values.map((value) => `a,${decimalOf(value)}`)].join("\n");
        const params = { by: "k", aggregates: ["sum(v)"] };
        const { output } = await runLocally(groupByApp, {
          input,
          format: "csv",
          params,
          sizing: { maxChunkSize: size },
        });
        const sum = values.reduce((total, value) => total + BigInt(value), 0n);
        const [, got = ""] = output.toString().split("\n")[1]?.split(",") ?? [];
        expect(BigInt(Math.sign(Number(got))) * hundredths(got)).toBe(sum);
      }),
    );
  });
});

/** Hundredths of a decimal text, without its sign. */
function hundredths(text: string): bigint {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  return BigInt(whole) * 100n + BigInt(fraction.padEnd(2, "0"));
}
