import { describe, expect, it } from "vitest";
import { groupByApp } from "../../../apps/apps/group-by/app.ts";
import { getReducer } from "../../../apps/apps/reducers.ts";
import {
  addDecimals,
  compareDecimals,
  divideDecimal,
  formatDecimal,
  parseDecimal,
} from "../../../apps/apps/shared/decimal.ts";
import { wordCountApp } from "../../../apps/apps/word-count/app.ts";
import { runLocally } from "../../../runtime/node/index.ts";

const decimal = (text: string) => {
  const parsed = parseDecimal(text);
  if (!parsed) throw new Error(`${text} is no decimal`);
  return parsed;
};

describe("decimals", () => {
  it.each([
    ["1", "1"],
    ["-0.50", "-0.5"],
    [" +.5 ", "0.5"],
    ["5.", "5"],
    ["1e3", "1000"],
    ["1.25E-3", "0.00125"],
    ["-0", "0"],
    ["123456789012345678901234567890.123", "123456789012345678901234567890.123"],
  ])("reads %j as %s", (text, expected) => {
    expect(formatDecimal(decimal(text))).toBe(expected);
  });

  it.each(["", "-", ".", "e5", "1,000", "0x10", "NaN", "Infinity", "1e999", "1 2", "--1", "9".repeat(1_001)])(
    "doesn't take %j for a number",
    (text) => {
      expect(parseDecimal(text)).toBeNull();
    },
  );

  it("adds, compares and divides exactly", () => {
    expect(formatDecimal(addDecimals(decimal("0.1"), decimal("0.2")))).toBe("0.3");
    expect(formatDecimal(addDecimals(decimal("1e20"), decimal("-1e-20")))).toBe(
      "99999999999999999999.99999999999999999999",
    );
    expect(compareDecimals(decimal("1.10"), decimal("1.1"))).toBe(0);
    expect(compareDecimals(decimal("-2"), decimal("1e-9"))).toBe(-1);
    expect(formatDecimal(divideDecimal(decimal("10"), 4n))).toBe("2.5");
    expect(formatDecimal(divideDecimal(decimal("-2"), 3n))).toBe("-0.666666666667");
    // Half to even, at the twelfth decimal.
    expect(formatDecimal(divideDecimal(decimal("0.000000000001"), 2n))).toBe("0");
    expect(formatDecimal(divideDecimal(decimal("0.000000000003"), 2n))).toBe("0.000000000002");
  });
});

describe("group-by", () => {
  const input = "Origin State,Cost $,n\nCA,0.1,1\nNY,5,x\nCA,0.2,\nCA,,7\n\u{10000},1,1\n\uffee,1,1\n";
  const options = { input, format: "csv" as const };

  it("groups by a column, sorted by the key's bytes, with the count by default", async () => {
    const { output } = await runLocally(groupByApp, { ...options, params: { by: "Origin State" } });

    expect(output.toString()).toBe("Origin State,count\nCA,3\nNY,1\n\uffee,1\n\u{10000},1\n");
  });

  it("sums exactly and ignores empty cells", async () => {
    const params = {
      by: ["Origin State"],
      aggregates: ["count", "sum(Cost $)", "mean(Cost $)", "min(Cost $)", { op: "max", column: "Cost $" }],
    };

    const { output } = await runLocally(groupByApp, { ...options, params });

    const [header, first] = output.toString().split("\n");
    expect(header).toBe("Origin State,count,sum(Cost $),mean(Cost $),min(Cost $),max(Cost $)");
    expect(first).toBe("CA,3,0.3,0.15,0.1,0.2");
  });

  it("rejects rows with a cell that is no number, and counts them nowhere", async () => {
    const { output, rejections } = await runLocally(groupByApp, {
      ...options,
      params: { by: "Origin State", aggregates: "count,sum(n)" },
    });

    expect(output.toString()).toBe("Origin State,count,sum(n)\nCA,3,8\n\uffee,1,1\n\u{10000},1,1\n");
    expect(rejections).toEqual([{ ordinal: 0, item: "NY,5,x", reason: 'n: "x" is not a decimal number' }]);
  });

  it("groups NDJSON, digits kept, by several members", async () => {
    const ndjson = '{"a":"x","b":1,"v":0.1}\n{"a":"x","b":"1","v":12345678901234567890.5}\n{"b":null,"__proto__":3}\n';
    const params = { by: ["a", "b", "__proto__"], aggregates: ["sum(v)", "count"] };

    const { output } = await runLocally(groupByApp, { input: ndjson, format: "ndjson", output: "ndjson", params });

    expect(output.toString()).toBe(
      '{"a":"","b":"","__proto__":"3","sum(v)":null,"count":1}\n{"a":"x","b":"1","__proto__":"","sum(v)":12345678901234567890.6,"count":2}\n',
    );
  });

  it.each([
    [{}, "params.app.by"],
    [{ by: "a", aggregates: ["avg(b)"] }, "params.app.aggregates.0"],
    [{ by: "a", aggregates: [] }, "params.app.aggregates"],
    [{ by: "count" }, "twice"],
    [{ by: "a", group: 1 }, "group"],
  ])("refuses the params %j", async (params, message) => {
    await expect(runLocally(groupByApp, { ...options, params })).rejects.toThrow(message);
  });

  it("names the columns there are when one is unknown", async () => {
    const run = runLocally(groupByApp, { ...options, params: { by: "State" } });

    await expect(run).rejects.toThrow(
      'params.app.by names the column "State", which the input hasn\'t. Its columns are: "Origin State"',
    );
  });

  it("finishes nothing with a header alone", () => {
    const reducer = getReducer("group-by", { by: "a", aggregates: ["sum(b)"] });

    const table = reducer.finish(reducer.init());

    expect([table.columns, [...table.rows]]).toEqual([["a", "sum(b)"], []]);
  });
});

describe("word-count", () => {
  it("counts words of any script, lower-cased", async () => {
    const { output } = await runLocally(wordCountApp, { input: "The ÉTÉ, the été!\nдом 2026 дом don't\n" });

    expect(output.toString()).toBe("word,count\n2026,1\ndon't,1\nthe,2\nété,2\nдом,2\n");
  });
});

describe("getReducer", () => {
  it("reads back what it wrote, in the same bytes", () => {
    const reducer = getReducer("group-by", { by: ["a", "b"], aggregates: ["min(v)", "max(v)"] });
    const text = '[["[\\"x\\",\\"y\\"]",[2,[2,"3","1","2"]]]]';

    const again = reducer.serialise(reducer.merge(reducer.parse(text), reducer.init()));

    expect(again).toBe(text);
  });

  it("refuses apps that reduce nothing, and broken accumulators", () => {
    expect(() => getReducer("select", {})).toThrow("no reducer");
    expect(() => getReducer("word-count", {}).parse("{")).toThrow("can't be read");
    expect(() => getReducer("word-count", {}).parse('{"a":1}')).toThrow();
  });
});
