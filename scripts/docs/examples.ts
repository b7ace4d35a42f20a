/** Examples of the guide, as data: a test checks them against the schemas of the blocks. */

/** Arguments of `jobjob run`. */
export const TEMPLATE_EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  "csv-group-by": [
    "sales.csv",
    "-p",
    "app.by=state",
    "-p",
    "app.aggregates=count,sum(amount)",
    "--out",
    "by-state.csv",
  ],
  "csv-select": [
    "zipcodes.csv",
    "-p",
    'app.where={"state":"CA"}',
    "-p",
    "app.columns=zip_code,city",
    "--out",
    "california.csv",
  ],
  "csv-split": ["big.csv", "--chunks", "8", "--out", "parts/"],
  "csv-to-ndjson": ["export.csv", "--out", "export.ndjson"],
  "csv-to-json": ["export.csv", "-p", "app.columns=id,name", "--out", "export.json"],
  "ndjson-select": [
    "events.ndjson",
    "-p",
    'app.where={"column":"level","op":"in","value":["warn","error"]}',
    "--out",
    "problems.ndjson",
  ],
  "ndjson-group-by": [
    "events.ndjson",
    "-p",
    "app.by=user",
    "-p",
    "app.aggregates=count,max(ms)",
    "-p",
    "assembler.format=ndjson",
    "--out",
    "by-user.ndjson",
  ],
  "ndjson-to-csv": ["events.ndjson", "-p", "app.columns=time,user,level", "--out", "events.csv"],
  "word-count": ["books/", "--out", "words.csv"],
  "checksum-objects": ["s3://my-data/photos/", "-p", 'partitioner.include=["**/*.jpg"]', "--out", "sums.ndjson"],
  copy: ["s3://my-data/2026/", "-p", "partitioner.objectsPerChunk=100", "--out", "s3://my-results/2026/"],
  "zip-objects": ["photos/", "-p", "assembler.name=photos.zip", "--out", "photos.zip"],
  join: ["logs/", "-p", "assembler.name=all.log", "--out", "all.log"],
  "split-lines": ["server.log", "-p", "partitioner.chunks=20", "--out", "parts/"],
  "split-bytes": ["disk.img", "-c", "maxChunkSize=104857600", "--out", "pieces/"],
  replicas: ["-p", "partitioner.replicas=20", "--out", "numbers.txt"],
  numbers: ["-p", "partitioner.range=1-240", "-p", "partitioner.perChunk=10", "--out", "numbers.txt"],
};

/** Params of one block, as they stand in `params.<kind>`; blocks without params have none. */
export const BLOCK_EXAMPLES: Readonly<Record<string, object>> = {
  "partitioner lines": { maxChunkSize: 16_777_216 },
  "partitioner ndjson": { chunks: 40 },
  "partitioner csv": { delimiter: ";", header: false, chunks: 16 },
  "partitioner bytes": { minChunkSize: 8_388_608, maxChunkSize: 8_388_608 },
  "partitioner objects": { objectsPerChunk: 50, include: ["**/*.{jpg,png}"], exclude: ["thumbnails/**"] },
  "partitioner replicate-fanout": { replicas: 20 },
  "partitioner range": { range: "1-240", perChunk: 10 },
  "app select": {
    where: { all: [{ state: ["CA", "NV"] }, { column: "year", op: "ge", value: 2020 }] },
    columns: ["id", "state", "year"],
  },
  "app group-by": { by: ["state", "year"], aggregates: ["count", "sum(amount)"] },
  "assembler concat": { name: "all.log" },
  "assembler csv": { name: "2026/out.csv" },
  "assembler ndjson": { name: "out.ndjson" },
  "assembler json": { name: "out.json" },
  "assembler zip": { name: "photos.zip" },
  "assembler reduce": { format: "ndjson", name: "totals.ndjson" },
};

const PLAIN = /^[\w@%+=:,./-]+$/;
const quoted = (arg: string): string => (PLAIN.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`);

/** As it is typed; the template stands behind the input. */
export function commandOf(template: string): string | undefined {
  const args = TEMPLATE_EXAMPLES[template];
  if (!args) return undefined;
  const input = args[0]?.startsWith("-") ? [] : args.slice(0, 1);
  return ["jobjob", "run", ...input, "-t", template, ...args.slice(input.length)].map(quoted).join(" ");
}
