/**
 * The kinds of jobs that chaos runs, each with its input and the bytes that must come out: computed here from the records
 * themselves, by nothing of the product's own code.
 */
import { createHash } from "node:crypto";
import type { NewJob } from "../../client/index.ts";
import type { Random } from "./random.ts";

/** What a job reads, and what it must write: file name → bytes. */
export interface Recipe {
  readonly inputs: ReadonlyMap<string, string>;
  readonly draft: Pick<NewJob, "templateId" | "params" | "config">;
  readonly outputs: ReadonlyMap<string, string>;
}
export interface Kind {
  readonly name: string;
  readonly make: (random: Random) => Recipe;
}

const file = (name: string, text: string): ReadonlyMap<string, string> => new Map([[name, text]]);
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

interface Row {
  readonly id: number;
  readonly state: string;
  readonly amount: number;
  readonly note: string;
}
const NOTES = ["plain", 'said "no"', "a,b", "two\nlines", "Größe 東京", ""];

const rowsOf = (random: Random, count: number): Row[] =>
  times(count, (id) => ({
    id,
    state: random.pick(["CA", "NY", "TX", "WA"]),
    amount: random.int(-500, 500),
    note: `${random.pick(NOTES)}${" ".repeat(random.int(0, 40))}`,
  }));

const cell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const HEADER = "id,state,amount,note\n";
const csvLine = ({ id, state, amount, note }: Row): string => `${id},${state},${amount},${cell(note)}\n`;
const csvOf = (rows: readonly Row[]): string => HEADER + rows.map(csvLine).join("");
const asText = (row: Row): string =>
  JSON.stringify({ id: String(row.id), state: row.state, amount: String(row.amount), note: row.note });
const jsonLine = (row: Row): string => `${JSON.stringify(row)}\n`;

/** state,count,sum(amount), sorted by state. */
function grouped(rows: readonly Row[]): string {
  const groups = new Map<string, { count: number; sum: number }>();
  for (const { state, amount } of rows) {
    const group = groups.get(state) ?? { count: 0, sum: 0 };
    groups.set(state, { count: group.count + 1, sum: group.sum + amount });
  }
  const lines = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return `state,count,sum(amount)\n${lines.map(([state, { count, sum }]) => `${state},${count},${sum}\n`).join("")}`;
}

const WORDS = times(300, (i) => `w${(i * 7919).toString(36)}`);
const lineOf = (random: Random): string => `${times(random.int(3, 12), () => random.pick(WORDS)).join(" ")}\n`;

function counted(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of lines.join("").split(/\s+/)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  return `word,count\n${[...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => `${word},${count}\n`)
    .join("")}`;
}

const objectsOf = (random: Random, count: number): Map<string, string> =>
  new Map(times(count, (i) => [`f${String(i).padStart(3, "0")}.txt`, lineOf(random).repeat(random.int(1, 20))]));
const numberOf = (i: number, count: number): string => String(i).padStart(String(count - 1).length, "0");
const numbered = (objects: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...objects].map(([name, text], i) => [`${numberOf(i, objects.size)}_${name}`, text]));

const csvKind = (
  name: string,
  templateId: string,
  app: Record<string, unknown>,
  outputs: (rows: readonly Row[]) => ReadonlyMap<string, string>,
): Kind => ({
  name,
  make: (random) => {
    const rows = rowsOf(random, random.int(1_000, 3_000));
    const params = { app, partitioner: { chunks: random.int(15, 40) } };
    return { inputs: file("in.csv", csvOf(rows)), draft: { templateId, params }, outputs: outputs(rows) };
  },
});

const ndjsonKind = (
  name: string,
  templateId: string,
  app: Record<string, unknown>,
  outputs: (rows: readonly Row[]) => ReadonlyMap<string, string>,
): Kind => ({
  name,
  make: (random) => {
    const rows = rowsOf(random, random.int(1_000, 3_000));
    const files = random.int(1, 4);
    const share = Math.ceil(rows.length / files);
    const inputs = new Map(
      times(files, (i) => [
        `in${i}.ndjson`,
        rows
          .slice(i * share, (i + 1) * share)
          .map(jsonLine)
          .join(""),
      ]),
    );
    const params = { app, partitioner: { chunks: random.int(15, 40) } };
    return { inputs, draft: { templateId, params }, outputs: outputs(rows) };
  },
});

export const KINDS: readonly Kind[] = [
  csvKind("csv rows → csv", "csv-select", { where: { state: "CA" } }, (rows) =>
    file("output.csv", csvOf(rows.filter(({ state }) => state === "CA"))),
  ),
  csvKind("csv → groups", "csv-group-by", { by: "state", aggregates: ["count", "sum(amount)"] }, (rows) =>
    file("output.csv", grouped(rows)),
  ),
  csvKind("csv → ndjson", "csv-to-ndjson", {}, (rows) =>
    file("output.ndjson", rows.map((row) => `${asText(row)}\n`).join("")),
  ),
  csvKind("csv → json", "csv-to-json", { where: { state: "NY" } }, (rows) => {
    const kept = rows.filter(({ state }) => state === "NY");
    return file("output.json", `[\n${kept.map(asText).join(",\n")}\n]\n`);
  }),
  ndjsonKind("ndjson rows → ndjson", "ndjson-select", { where: { state: "TX" } }, (rows) =>
    file(
      "output.ndjson",
      rows
        .filter(({ state }) => state === "TX")
        .map(jsonLine)
        .join(""),
    ),
  ),
  ndjsonKind("ndjson → csv", "ndjson-to-csv", { columns: "id,state,amount,note" }, (rows) =>
    file("output.csv", csvOf(rows)),
  ),
  ndjsonKind("ndjson → groups", "ndjson-group-by", { by: "state", aggregates: ["count", "sum(amount)"] }, (rows) =>
    file("output.csv", grouped(rows)),
  ),
  {
    name: "lines → word counts",
    make: (random) => {
      const lines = times(random.int(2_000, 6_000), () => lineOf(random));
      const params = { partitioner: { chunks: random.int(15, 40) } };
      return {
        inputs: file("in.txt", lines.join("")),
        draft: { templateId: "word-count", params },
        outputs: file("output.csv", counted(lines)),
      };
    },
  },
  {
    name: "numbers → one a line",
    make: (random) => {
      const last = random.int(600, 1_800);
      const params = { partitioner: { range: `1-${last}`, perChunk: random.int(1, 3) } };
      const text = times(last, (i) => `${i + 1}\n`).join("");
      return { inputs: new Map(), draft: { templateId: "numbers", params }, outputs: file("output", text) };
    },
  },
  {
    name: "replicas",
    make: (random) => {
      const replicas = random.int(300, 900);
      const text = times(replicas, (i) => `${i}\n`).join("");
      const params = { partitioner: { replicas } };
      return { inputs: new Map(), draft: { templateId: "replicas", params }, outputs: file("output", text) };
    },
  },
  {
    name: "objects → copies",
    make: (random) => {
      const inputs = objectsOf(random, random.int(15, 30));
      return {
        inputs,
        draft: { templateId: "copy", params: { partitioner: { objectsPerChunk: 1 } } },
        outputs: numbered(inputs),
      };
    },
  },
  {
    name: "objects → checksums",
    make: (random) => {
      const inputs = objectsOf(random, random.int(15, 30));
      const lines = [...inputs].map(([key, text]) => {
        const sha256 = createHash("sha256").update(text).digest("hex");
        return `${JSON.stringify({ key, size: Buffer.byteLength(text), sha256 })}\n`;
      });
      const params = { partitioner: { objectsPerChunk: 1 } };
      return {
        inputs,
        draft: { templateId: "checksum-objects", params },
        outputs: file("output.ndjson", lines.join("")),
      };
    },
  },
  {
    name: "objects → joined",
    make: (random) => {
      const inputs = objectsOf(random, random.int(15, 30));
      const text = [...inputs.values()].join("");
      return { inputs, draft: { templateId: "join" }, outputs: file("output", text) };
    },
  },
  {
    name: "bytes → pieces",
    make: (random) => {
      const text = times(random.int(1_000, 1_600), () => lineOf(random)).join("");
      const size = Math.ceil(text.length / random.int(15, 30));
      const pieces = times(Math.ceil(text.length / size), (i) => text.slice(i * size, (i + 1) * size));
      return {
        inputs: file("in.bin", text),
        draft: { templateId: "split-bytes", params: { partitioner: { maxChunkSize: size } } },
        outputs: new Map(pieces.map((piece, i) => [`${numberOf(i, pieces.length)}_data.bin`, piece])),
      };
    },
  },
];
