import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { problemsOfStates, STATES } from "../../demo/check.ts";
import { birdstrikesByState } from "../../demo/expected/birdstrikes.ts";
import { checksumsOf } from "../../demo/expected/checksums.ts";
import { differenceOfRecords } from "../../demo/expected/same-records.ts";
import { zipcodesOfCalifornia } from "../../demo/expected/zipcodes.ts";
import { demoJobs } from "../../demo/jobs.ts";
import { QUOTED_CSV_BYTES, quotedCsv } from "../../demo/quoted-csv.ts";

const EXPECTED = new URL("../../demo/expected/", import.meta.url);

async function inFolder<T>(files: Readonly<Record<string, string>>, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "jobjob-demo-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the plain computations", () => {
  const files = readdirSync(EXPECTED);

  it.each(files)("%s imports nothing of the product", (name) => {
    const text = readFileSync(new URL(name, EXPECTED), "utf8");
    const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*["'`]([^"'`]+)["'`]/g)].map(
      ([, specifier]) => specifier,
    );
    expect(imported.filter((one) => !/^(node:[a-z/]+|csv-parse\/sync|\.\/[a-z-]+\.ts)$/.test(one ?? ""))).toEqual([]);
    expect(text).not.toMatch(/require\(|import\(/);
  });

  it("sum and count by state, sorted by bytes", () =>
    inFolder(
      { x: "Origin State,Cost Total $\nb,9007199254740993\na,1\nb,1\n\u{10000},2\n\uffff,3\n" },
      async (folder) => {
        expect(await birdstrikesByState(join(folder, "x"))).toBe(
          "Origin State,count,sum(Cost Total $)\na,1,1\nb,2,9007199254740994\n\uffff,1,3\n\u{10000},1,2\n",
        );
      },
    ));

  it("select California in order", () =>
    inFolder({ x: 'zip_code,city,state,county\n2,"B, C",CA,K\n1,A,NY,K\n0,A,CA,K\n' }, async (folder) => {
      expect(await zipcodesOfCalifornia(join(folder, "x"))).toBe('zip_code,city,county\n2,"B, C",K\n0,A,K\n');
    }));

  it("checksum a folder", () =>
    inFolder({ b: "", a: "abc" }, async (folder) => {
      const sums = (await checksumsOf(folder))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(sums).toEqual([
        { key: "a", size: 3, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { key: "b", size: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
      ]);
    }));

  it("see the one record that differs, and no difference in quoting", () =>
    inFolder(
      { a: 'x,y\n"1",2\n3,4\n', b: 'x,y\n1,2\n3,"4"\n', c: "x,y\n1,2\n3,5\n", d: "x,y\n1,2\n" },
      async (folder) => {
        const at = (name: string) => join(folder, name);
        expect(await differenceOfRecords(at("a"), at("b"))).toBeNull();
        expect(await differenceOfRecords(at("a"), at("c"))).toBe('record 2 is ["3","4"] and should be ["3","5"]');
        expect(await differenceOfRecords(at("d"), at("a"))).toMatch(/record 2 is missing/);
        expect(await differenceOfRecords(at("a"), at("d"))).toMatch(/should be none/);
      },
    ));
});

describe("the generated CSV", () => {
  it("is the same each time, and has everything that is hard to split", () => {
    const text = [...quotedCsv(300_000)].join("");
    const rows: string[][] = parse(text);
    const cells = rows.flat();

    expect([...quotedCsv(300_000)].join("")).toBe(text);
    expect(Buffer.byteLength(text)).toBeGreaterThanOrEqual(300_000);
    expect(rows[0]).toEqual(["id", "title", "note", "amount"]);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([4]));
    for (const hard of ["\n", "\r\n", '"', ",", "東京", "\n1,looks like,a record"]) {
      expect(cells.some((cell) => cell.includes(hard))).toBe(true);
    }
    expect(text).toContain('""');
    expect(QUOTED_CSV_BYTES).toBe(20_000_000);
  });
});

describe("the checks", () => {
  const stamps = Object.fromEntries(STATES.map((state, i) => [state, new Date(i * 1_000).toISOString()]));

  it("pass a job that went the whole way", () => expect(problemsOfStates(stamps, STATES)).toEqual([]));

  it("find what is missing, out of order, or took another way", () => {
    const { JOB_STATE_MERGED: _, ...without } = stamps;
    expect(problemsOfStates(without, STATES)).toEqual(["not stamped: JOB_STATE_MERGED"]);
    const late = { ...stamps, JOB_STATE_UPLOADING: new Date(60_000).toISOString() };
    expect(problemsOfStates(late, STATES)).toEqual(["JOB_STATE_PARTITIONING was stamped before JOB_STATE_UPLOADING"]);
    expect(problemsOfStates(stamps, STATES.slice(1))).toHaveLength(1);
  });

  it("run over four jobs whose inputs exist", () => {
    const jobs = demoJobs("/tmp/quoted.csv");
    expect(jobs.map(({ output }) => output)).toEqual([
      "birdstrikes-by-state.csv",
      "zipcodes-ca.csv",
      "checksums.ndjson",
      "quoted.csv",
    ]);
    expect(readdirSync(jobs[2]?.input ?? "").length).toBeGreaterThan(50);
  });
});
