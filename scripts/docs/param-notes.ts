/**
 * What a schema can't say of itself: what each param is for, and what holds when it is left out. Every param of every
 * built-in block stands here and nothing else: the page can't be printed otherwise.
 */
import type { Block } from "../../core/contracts/blocks.ts";

export interface ParamNote {
  readonly meaning: string;
  /** What holds without it; left out where the schema has a default of its own, or demands the param. */
  readonly without?: string;
  /** In place of the schema's type, where that says too little. */
  readonly type?: string;
}
type Notes = Readonly<Record<string, ParamNote>>;

const sizing: Notes = {
  chunks: {
    meaning: "wanted number of chunks **of each source object**; the two sizes win over it; 0 = unset",
    without: "as the sizes say",
  },
  minChunkSize: {
    meaning: "bytes of a chunk at least; 0 = no minimum",
    without: "config.minChunkSize, else no minimum",
  },
  maxChunkSize: {
    meaning: "bytes of a chunk at most; a record that is longer makes its chunk longer",
    without:
      "config.maxChunkSize, else 64 MiB (an object of middling size is cut into up to 32 chunks of 4 MiB or more)",
  },
};
const maxRecordBytes: ParamNote = {
  meaning: "a longer record fails the job (RECORD_TOO_LARGE)",
  without: "67108864 (64 MiB)",
};
const replicas: Notes = {
  replicas: { meaning: "number of chunks", without: "config.replicationFactor, else 1" },
};
const columns = "column names: an array, or one text divided by commas";
const name: ParamNote = {
  meaning: "the output's name below the destination; may hold folders, as in `2026/out.csv`; at most 200 bytes",
};

const NOTES: Readonly<Record<Block["kind"], Readonly<Record<string, Notes>>>> = {
  partitioner: {
    passthrough: {},
    lines: { ...sizing, maxRecordBytes },
    ndjson: { ...sizing, maxRecordBytes },
    csv: {
      ...sizing,
      maxRecordBytes,
      delimiter: { meaning: "one ASCII character between the fields", type: "text", without: '`","`' },
      header: {
        meaning: "whether the first record names the columns; without a header they are `column_1`, `column_2`, …",
        without: "true",
      },
      quotedNewlines: {
        meaning:
          "`never` promises that no quoted field holds a newline: the file isn't scanned first. A broken promise is found and fails the job (CSV_MISALIGNED)",
        without: "`auto`",
      },
    },
    bytes: {
      ...sizing,
      maxChunkSize: {
        meaning: "bytes of each chunk; the last one of an object may have fewer",
        without: "config.maxChunkSize, else 64 MiB or less, so that there are enough chunks",
      },
    },
    objects: {
      objectsPerChunk: {
        meaning: "objects of a chunk at most",
        without: "1; with bytesPerChunk: 1000",
      },
      bytesPerChunk: {
        meaning: "bytes of a chunk at most (an object that is larger is a chunk of its own); 0 = no limit",
        without: "no limit",
      },
      include: {
        meaning:
          "globs on the key relative to the source; an object must match one. `**` crosses folders, `*` and `?` don't; `[a-z]`, `{csv,json}`",
        without: "all objects",
      },
      exclude: { meaning: "globs; what matches one is left out", without: "none" },
    },
    "replicate-fanout": replicas,
    "fanout-replica": replicas,
    range: {
      range: { meaning: "numbers and spans: `1-240`, `1-10,20,30-40`, `1-100x5` (every fifth); may be negative" },
      perChunk: { meaning: "numbers of a chunk", without: "1" },
    },
  },
  app: {
    passthrough: {},
    select: {
      where: {
        meaning: "which records to keep, see [conditions](#conditions)",
        type: "condition, or its JSON as text",
        without: "all records",
      },
      columns: { meaning: "the columns to keep, in this order", type: columns, without: "all columns" },
    },
    "group-by": {
      by: { meaning: "the columns that make the groups", type: columns },
      aggregates: {
        meaning:
          '`count`, and `sum(column)`, `min(column)`, `max(column)`, `mean(column)`; long form `{"op": "sum", "column": "amount"}`. Empty cells don\'t count; a row whose cell is no decimal number is rejected (its task ends PARTIAL)',
        type: "array, or one text divided by commas",
        without: '`["count"]`',
      },
    },
    "word-count": {},
    checksum: {},
  },
  assembler: {
    passthrough: {},
    concat: { name },
    csv: { name },
    ndjson: { name },
    json: { name },
    zip: { name },
    zipper: { name },
    reduce: {
      name: { ...name, without: "`output.csv`, `output.ndjson` or `output.json`, as the format is" },
      format: { meaning: "how the table is written" },
    },
  },
};

/** @throws Error naming the block whose notes and params aren't the same */
export function notesOf({ kind, name }: Pick<Block, "kind" | "name">, params: readonly string[]): Notes {
  const notes = NOTES[kind][name];
  if (!notes) throw new Error(`scripts/docs/param-notes.ts knows no ${kind} ${name}; add its params there.`);
  const noted = Object.keys(notes);
  const odd = [
    ...params.filter((param) => !noted.includes(param)),
    ...noted.filter((param) => !params.includes(param)),
  ];
  if (odd.length > 0)
    throw new Error(`scripts/docs/param-notes.ts and the ${kind} ${name} differ in ${odd.join(", ")}.`);
  return notes;
}
