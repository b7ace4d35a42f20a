import { describe, expect, it } from "vitest";
import { selectApp } from "../../../apps/apps/select/app.ts";
import { parseCondition } from "../../../apps/apps/select/condition.ts";
import { compileCondition } from "../../../apps/apps/select/test-condition.ts";
import { runLocally } from "../../../runtime/node/index.ts";

const holds = (condition: unknown, row: Record<string, string>) =>
  compileCondition(parseCondition(condition))((column) => row[column] ?? "");

describe("conditions", () => {
  const row = { state: "CA", year: "2024", price: "10.50", name: "Ann, Bo", empty: "" };

  it.each([
    [{ state: "CA" }, true],
    [{ state: "NY" }, false],
    [{ state: ["NY", "CA"] }, true],
    [{ state: "CA", year: "1999" }, false],
    [{ column: "price", op: "eq", value: 10.5 }, true],
    [{ column: "price", op: "eq", value: "10.5" }, false],
    [{ column: "year", op: "ge", value: 2024 }, true],
    [{ column: "year", op: "gt", value: 2024 }, false],
    [{ column: "year", op: "lt", value: 10_000 }, true],
    [{ column: "year", op: "lt", value: "10000" }, false],
    [{ column: "name", op: "lt", value: 5 }, false],
    [{ column: "name", op: "ne", value: 5 }, true],
    [{ column: "name", op: "contains", value: ", B" }, true],
    [{ column: "name", op: "startsWith", value: "Ann" }, true],
    [{ column: "name", op: "endsWith", value: "Ann" }, false],
    [{ column: "state", op: "in", value: ["CA", null] }, true],
    [{ column: "empty", op: "exists" }, false],
    [{ column: "gone", op: "exists", value: false }, true],
    [{ empty: null }, true],
    [{ column: "empty", op: "lt", value: "z" }, false],
    [{ not: { state: "CA" } }, false],
    [{ any: [{ state: "NY" }, { all: [{ state: "CA" }, { year: 2024 }] }] }, true],
    [{ all: [{ state: "CA" }, { not: { year: 2024 } }] }, false],
  ])("%j is %s", (condition, expected) => {
    expect(holds(condition, row)).toBe(expected);
  });

  it.each([
    [{}, "is empty"],
    ["x", "must be a condition"],
    [{ all: [] }, "at least one"],
    [{ column: "a", op: "matches", value: "x" }, "must be one of eq"],
    [{ column: "a", op: "eq", value: { b: 1 } }, "must be text"],
    [{ column: "a", op: "eq", value: 1, extra: 2 }, "not known"],
    [{ column: "a", op: "contains", value: 1 }, "must be text for contains"],
    [{ a: { gt: 1 } }, 'other comparisons are written {"column"'],
  ])("refuses %j", (condition, message) => {
    expect(() => parseCondition(condition)).toThrow(message);
  });

  it("refuses conditions that are nested without end", () => {
    let condition: object = { a: 1 };
    for (let i = 0; i < 30; i++) condition = { not: condition };

    expect(() => parseCondition(condition)).toThrow("deeper than 20");
  });
});

describe("select", () => {
  const csv = 'zip,city,state\n1,"Los\nAngeles",CA\n2,New York,NY\n3,"Say ""hi""",CA\n';

  it("filters and projects CSV", async () => {
    const params = { where: { state: "CA" }, columns: "city,zip" };

    const { output } = await runLocally(selectApp, { input: csv, format: "csv", output: "csv", params });

    expect(output.toString()).toBe('city,zip\n"Los\nAngeles",1\n"Say ""hi""",3\n');
  });

  it("gives each file its own header where files aren't merged by record", async () => {
    const { results } = await runLocally(selectApp, {
      input: csv,
      format: "csv",
      output: "bytes",
      sizing: { maxChunkSize: 25 },
    });

    expect(results.map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ["result.csv", 'zip,city,state\n1,"Los\nAngeles",CA\n'],
      ["result.csv", 'zip,city,state\n2,New York,NY\n3,"Say ""hi""",CA\n'],
    ]);
  });

  it("names the columns there are when one is unknown", async () => {
    const run = runLocally(selectApp, { input: csv, format: "csv", params: { where: { stat: "CA" } } });

    await expect(run).rejects.toMatchObject({
      code: "UNKNOWN_COLUMN",
      retryable: false,
      message:
        'params.app.where names the column "stat", which the input hasn\'t. Its columns are: "zip", "city", "state".',
    });
  });

  it("keeps every digit of NDJSON, rejects what is none, and can't be reached through names", async () => {
    const input = '{"id":12345678901234567890,"v":0.10,"__proto__":"p"}\n\nnot json\n[1]\n{"id":1}\n';

    const all = await runLocally(selectApp, { input, format: "ndjson", output: "ndjson" });
    const some = await runLocally(selectApp, {
      input,
      format: "ndjson",
      output: "ndjson",
      params: { columns: ["__proto__", "id"] },
    });
    const asCsv = await runLocally(selectApp, { input, format: "ndjson", output: "csv", params: { columns: "id,v" } });

    expect(all.output.toString()).toBe('{"id":12345678901234567890,"v":0.10,"__proto__":"p"}\n{"id":1}\n');
    expect(all.rejections.map(({ item }) => item)).toEqual(["not json", "[1]"]);
    expect(some.output.toString()).toBe('{"__proto__":"p","id":12345678901234567890}\n{"id":1}\n');
    expect(asCsv.output.toString()).toBe("id,v\n12345678901234567890,0.10\n1,\n");
  });

  it("compares NDJSON numbers exactly", async () => {
    const input = '{"id":9007199254740993}\n{"id":9007199254740992}\n';

    const { output } = await runLocally(selectApp, {
      input,
      format: "ndjson",
      params: { where: { column: "id", op: "gt", value: 9007199254740992 } },
    });

    expect(output.toString()).toBe('{"id":9007199254740993}\n');
  });

  it("gives JSON arrays of objects", async () => {
    const { output } = await runLocally(selectApp, {
      input: csv,
      format: "csv",
      output: "json",
      params: { columns: ["zip"] },
    });

    expect(JSON.parse(output.toString())).toEqual([{ zip: "1" }, { zip: "2" }, { zip: "3" }]);
  });

  it("rejects rows that don't fit the header", async () => {
    const { output, rejections } = await runLocally(selectApp, {
      input: "a,b\n1,2\n3\n4,5\n",
      format: "csv",
      output: "csv",
    });

    expect(output.toString()).toBe("a,b\n1,2\n4,5\n");
    expect(rejections).toEqual([{ ordinal: 0, item: "record at byte 8", reason: "1 field where the header has 2" }]);
  });

  it("numbers the columns of CSV without a header", async () => {
    const params = { where: { column_2: "y" }, columns: ["column_1"] };

    const { output } = await runLocally(selectApp, {
      input: "a,x\nb,y\n",
      format: "csv",
      header: false,
      output: "csv",
      params,
    });

    expect(output.toString()).toBe("column_1\nb\n");
  });

  it.each([
    [{ where: { column: "a", op: "?" } }, "params.app.where.op"],
    [{ columns: "a,,b" }, "params.app.columns"],
    [{ columns: ["a", "a"] }, "twice"],
    [{ wher: {} }, "wher"],
    [{ where: "{" }, "params.app.where"],
  ])("refuses the params %j", async (params, message) => {
    await expect(runLocally(selectApp, { input: csv, format: "csv", params })).rejects.toThrow(message);
  });
});
