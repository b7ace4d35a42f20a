import { describe, expect, it } from "vitest";
import { headerOf } from "../../../apps/apps/headers.ts";
import { apps } from "../../../apps/apps/index.ts";
import { builtinApp } from "../../../apps/apps/registry.ts";
import { blocks, checkAccepts, findBlock, resultFormat } from "../../../apps/catalog.ts";
import { findTemplate, templates } from "../../../apps/templates.ts";

const csv = { format: "csv" as const, header: true };
const app = (name: string) => {
  const found = findBlock("app", name);
  if (!found) throw new Error(`no app ${name}`);
  return found;
};
const assembler = (name: string) => {
  const found = findBlock("assembler", name);
  if (!found) throw new Error(`no assembler ${name}`);
  return found;
};

describe("the catalogue", () => {
  it("has each name once per kind, with a version and a description", () => {
    const names = blocks.map(({ kind, name }) => `${kind} ${name}`);

    expect(new Set(names).size).toBe(names.length);
    for (const block of blocks) {
      expect(block.name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(block.version).toMatch(/^\d+\.\d+$/);
      expect(block.description).not.toBe("");
    }
  });

  it("has code for each app, with the same params", () => {
    for (const info of apps) expect(builtinApp(info.name)?.params).toBe(info.params);
  });

  it("finds aliases and nothing else", () => {
    expect(findBlock("partitioner", "fanout-replica")?.kind).toBe("partitioner");
    expect(findBlock("assembler", "zipper")?.kind).toBe("assembler");
    expect(findBlock("app", "csv")).toBeUndefined();
  });

  it.each([
    ["select", "csv", "csv"],
    ["select", "ndjson", "ndjson"],
    ["checksum", "json", "json"],
    ["select", "passthrough", "bytes"],
    ["select", "zip", "bytes"],
    ["passthrough", "concat", "bytes"],
    ["group-by", "reduce", "accumulator"],
  ])("writes the results of %s for %s as %s", (appName, assemblerName, expected) => {
    expect(resultFormat(app(appName), assembler(assemblerName), csv)).toBe(expected);
  });

  it.each([
    ["group-by", "csv", "use the assembler reduce"],
    ["select", "reduce", "group-by or word-count"],
    ["passthrough", "csv", "use the assembler concat"],
  ])("refuses %s with %s and says what fits", (appName, assemblerName, message) => {
    expect(() => resultFormat(app(appName), assembler(assemblerName), csv)).toThrow(message);
  });
});

describe("templates", () => {
  it.each(templates)("$id combines blocks that fit", (template) => {
    const partitioner = findBlock("partitioner", template.partitioner);
    const found = app(template.app);

    expect(partitioner).toBeDefined();
    if (partitioner) expect(() => checkAccepts(found, partitioner)).not.toThrow();
    expect(() => resultFormat(found, assembler(template.assembler), csv)).not.toThrow();
    expect(template.description.length).toBeGreaterThan(20);
  });

  it("has those the README names", () => {
    for (const id of ["csv-group-by", "csv-select", "checksum-objects", "word-count"])
      expect(findTemplate(id)).toBeDefined();
  });

  it("refuses an app on chunks it can't read", () => {
    const range = findBlock("partitioner", "range");

    if (range) expect(() => checkAccepts(app("select"), range)).toThrow("use lines, ndjson, csv");
    else expect.unreachable();
  });
});

describe("headers of jobs without tasks", () => {
  it("come from params or from the input", () => {
    expect(headerOf("select", {}, ["a", "b,c"])).toBe('a,"b,c"\n');
    expect(headerOf("select", { columns: "b" }, ["a", "b"])).toBe("b\n");
    expect(headerOf("select", {}, null)).toBeNull();
    expect(headerOf("checksum", {}, null)).toBe("key,size,sha256\n");
    expect(headerOf("passthrough", {}, ["a"])).toBeNull();
  });
});
