import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { checksumApp } from "../../../apps/apps/checksum/app.ts";
import { passthroughApp } from "../../../apps/apps/passthrough/app.ts";
import { defineApp, defineReducer, runLocally } from "../../../runtime/node/index.ts";

describe("passthrough", () => {
  it("gives bytes back unchanged", async () => {
    const input = Buffer.from([0, 255, 10, 13, 10, 128]);

    const { output, results } = await runLocally(passthroughApp, {
      input,
      format: "bytes",
      sizing: { maxChunkSize: 4 },
      source: "a/x.dat",
    });

    expect(output.equals(input)).toBe(true);
    expect(results.map(({ name }) => name)).toEqual(["data.dat", "data.dat"]);
  });

  it("puts the header in front of chunks of CSV", async () => {
    const { results } = await runLocally(passthroughApp, { input: "a;b\r\n1;2\r\n", format: "csv", delimiter: ";" });

    expect(results[0]?.bytes.toString()).toBe("a;b\n1;2\r\n");
  });
});

describe("checksum", () => {
  it("sums what it reads", async () => {
    const { output } = await runLocally(checksumApp, {
      input: "hello",
      format: "bytes",
      output: "ndjson",
      source: "x",
    });

    expect(JSON.parse(output.toString())).toEqual({
      key: "x",
      size: 5,
      sha256: createHash("sha256").update("hello").digest("hex"),
    });
  });
});

describe("apps of users", () => {
  it("may return text, JSON, bytes, streams or records, and write files", async () => {
    const returned = async (value: unknown, output: "bytes" | "csv" | "ndjson" | "json" = "bytes") => {
      const result = await runLocally(defineApp({ run: () => value }), { input: "x\n", output });
      return [result.results.map(({ name }) => name).join(), result.output.toString()];
    };
    const stream = (async function* () {
      yield "a";
      yield Buffer.from("b");
    })();

    expect(await returned("text")).toEqual(["result.txt", "text"]);
    expect(await returned(new Uint8Array([65]))).toEqual(["result.bin", "A"]);
    expect(await returned({ a: [1] })).toEqual(["result.json", '{"a":[1]}\n']);
    expect(await returned(stream)).toEqual(["result.txt", "ab"]);
    expect(await returned(undefined)).toEqual(["", ""]);
    expect(await returned([{ a: 1, b: 'x"y' }, { b: "z" }], "csv")).toEqual(["result.csv", 'a,b\n1,"x""y"\n,z\n']);
    expect(await returned([{ a: 1 }, 2, "t"], "ndjson")).toEqual(["result.ndjson", '{"a":1}\n2\n"t"\n']);
    expect(await returned([], "json")).toEqual(["result.json", "[]\n"]);
    await expect(returned("text", "csv")).rejects.toThrow("takes records");
    await expect(returned([{ a: 1 }, { c: 1 }], "csv")).rejects.toThrow('"c"');
  });

  it.each(["", "/a", "a/../b", "a//b", "a\nb"])("may not name a result %j", async (name) => {
    const app = defineApp({ run: (_chunk, { results }) => results.write(name, "x") });

    await expect(runLocally(app, { input: "x" })).rejects.toMatchObject({ code: "RESULT_NAME" });
  });

  it("check their params by zod or by JSON Schema", async () => {
    const zod = defineApp({ params: z.object({ width: z.number() }), run: (_chunk, { params }) => params });
    const schema = {
      type: "object",
      properties: { width: { type: "integer", default: 7 } },
      additionalProperties: false,
    };
    const json = defineApp({ params: schema, run: (_chunk, { params }) => params });

    await expect(runLocally(zod, { input: "x", params: { width: "a" } })).rejects.toMatchObject({
      path: "params.app.width",
    });
    await expect(runLocally(json, { input: "x", params: { width: "a" } })).rejects.toMatchObject({
      path: "params.app.width",
    });
    expect((await runLocally(json, { input: "x", params: {} })).output.toString()).toBe('{"width":7}\n');
  });

  it("reduce records to a table", async () => {
    const longest = defineReducer<unknown, { line: string }, string>({
      read: (chunk) => chunk.lines(),
      init: () => ({ line: "" }),
      add: (best, line) => (line.length > best.line.length ? { line } : undefined),
      merge: (a, b) => (b.line.length > a.line.length ? b : a),
      finish: ({ line }) => ({ columns: ["line"], types: ["text"], rows: [[line]] }),
    });

    const { output } = await runLocally(longest, { input: "a\nccc\nbb\n", sizing: { maxChunkSize: 2 } });

    expect(output.toString()).toBe("line\nccc\n");
  });

  it("read the content once", async () => {
    const twice = defineApp({
      async run(chunk) {
        await chunk.text();
        for await (const _ of chunk.lines()) return "no";
        return "no";
      },
    });

    await expect(runLocally(twice, { input: "x" })).rejects.toThrow("can be read once");
  });
});
