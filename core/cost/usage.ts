/**
 * What a job uses, from the shape of its work: requests and units as the code makes them. The bench (suite orchestration) and
 * an integration test count them on the wire; both fail when this table and the code drift apart by more than 5 %.
 */
import type { Usage } from "./prices.ts";

/** GB as Lambda bills them, of a worker with its 1,769 MiB: one whole vCPU. */
export const WORKER_GB = 1_769 / 1_024;

/** What a worker's tasks are made of. */
export type WorkInput =
  | { readonly from: "nothing" }
  /** Ranges of objects, read in windows. `scanned`: partition reads the bytes too, as of CSV with quotes. */
  | { readonly from: "bytes"; readonly bytes: number; readonly sources: number; readonly scanned?: boolean }
  /** Whole objects, a GET each. */
  | { readonly from: "objects"; readonly objects: number };

export interface Work {
  readonly batches: number;
  /** Committed claims: as many as batches, and more after retries. */
  readonly claims: number;
  readonly gates: number;
  /** Worker processes that the batches are spread over. */
  readonly workers: number;
  /** Tasks in a batch. */
  readonly batchSize: number;
  /** Seconds that the workers spend on tasks, of all tasks together. */
  readonly appSeconds: number;
  readonly input: WorkInput;
  readonly results: {
    /** Objects of the output. */
    readonly objects: number;
    /** 0 while it isn't known. */
    readonly bytes: number;
    /** Accumulators that are merged into one table. */
    readonly reduced?: boolean;
  };
  /** Copied to a bucket of the user's, in place of the temporary one. */
  readonly delivered: boolean;
  /** @default WORKER_GB */
  readonly workerGb?: number;
}

/** Seconds and GB that claim and commit take, each; an assumption, as are the next two: emulators' times say little. */
const CONTROL_SECONDS = 0.05;
const CONTROL_GB = 0.5;
/** A worker's time around its tasks: work spec and chunks in, pack and index out. */
const AROUND_SECONDS = 0.2;
/** GB-seconds of the steps of a job together. */
const STEPS_GB_SECONDS = 6;
/** A worker looks at the control hint this often. */
const HINT_SECONDS = 9.5;
/** Bytes of a worker's GET; least bytes of an upload's part. */
const WINDOW = 4 * 1_024 * 1_024;
const PART = 5 * 1_024 * 1_024;
/** Keys of a listing, ids of uploads on one record, completions between two renewals of the publication's claim. */
const LISTED = 1_000;
const GROUP = 50;
const COMPLETIONS = 8;
/** Plan finds batches of such a size by a table of offsets. */
const STRIDE = 50;

export function usageOf(work: Work): Usage {
  const { batches, claims } = work;
  const workerGb = work.workerGb ?? WORKER_GB;
  const terms: readonly Partial<Usage>[] = [
    FIXED,
    times(work.gates, PER_GATE),
    times(batches, PER_BATCH),
    times(Math.max(0, claims - batches), PER_FURTHER_CLAIM),
    {
      appGbSeconds: work.appSeconds * workerGb,
      controlGbSeconds: claims * AROUND_SECONDS * workerGb,
      // The work spec once per process; the hint.
      gets: Math.min(work.workers, batches) + claims * Math.floor(work.appSeconds / Math.max(1, claims) / HINT_SECONDS),
    },
    inputUsage(work),
    resultsUsage(work),
    ...(work.delivered ? [deliveryUsage(work.results.objects)] : []),
  ];
  return terms.reduce<Usage>(plus, NOTHING);
}

/** The way of a job through the workflow: from create to COMPLETE, beside what its batches take. */
const FIXED: Partial<Usage> = {
  // The start, eight steps with a Choice each, the Map, the end.
  transitions: 19,
  requests: 8,
  controlGbSeconds: STEPS_GB_SECONDS,
  // Eight transitions (job and timeline row twice each in a transaction, their entries in three indexes), create, notes.
  writeUnits: 100,
  readUnits: 22,
  // prepared.json; index, offsets, chunks.json; table, manifest, work spec, hint; two lists, a look for leftovers.
  puts: 11,
  gets: 6,
};

/** Made in a transaction, opened, closed; read by plan (3), settle, assemble. */
const PER_GATE: Partial<Usage> = { writeUnits: 4, readUnits: 5 };

/** A child's common path: start, claim, app, commit, Choice, Done. */
const PER_BATCH: Partial<Usage> = {
  transitions: 6,
  requests: 3,
  controlGbSeconds: 2 * CONTROL_SECONDS * CONTROL_GB,
  // Claim and commit: transactions of two items, each written at twice its size.
  writeUnits: 8,
  // claim: batch; commit: batch and gate; assemble: batch
  readUnits: 4,
  // pack and index
  puts: 2,
  // its lines of chunks; the index by commit and by assemble; the pack by assemble
  gets: 4,
};

/** Commit takes the next claim in its own transaction: app, commit, Choice. */
const PER_FURTHER_CLAIM: Partial<Usage> = {
  transitions: 3,
  requests: 2,
  controlGbSeconds: CONTROL_SECONDS * CONTROL_GB,
  writeUnits: 4,
  readUnits: 2,
  puts: 2,
  gets: 4,
};

function inputUsage({ input, batches, claims, batchSize }: Work): Partial<Usage> {
  // By the table of offsets plan asks for its size first; otherwise it reads the table of sources, where there is one.
  const isStrided = batches <= 1 || batchSize % STRIDE === 0;
  if (input.from === "nothing") return { gets: isStrided ? 1 : 0 };
  const { from } = input;
  const sources = from === "bytes" ? input.sources : input.objects;
  const isOne = from === "bytes" && sources <= 1;
  // The table of sources; a prefix is looked for twice and listed.
  const puts = 1 + (isOne ? 0 : 2 + Math.ceil(sources / LISTED));
  // The table of sources by partition, by plan and by each claim; one object is looked at twice.
  const known = 2 + claims + (isOne ? 2 : 0);
  if (from === "objects") return { puts, gets: known + input.objects };
  const windows = Math.max(claims, sources, Math.ceil(input.bytes / WINDOW));
  return { puts, gets: known + sources + windows + (input.scanned ? sources : 0) };
}

function resultsUsage({ results, claims }: Work): Partial<Usage> {
  const { objects, bytes } = results;
  const reduced = results.reduced ? 1 : 0;
  const packs = claims === 0 ? 0 : claims * (putsOf(bytes / claims) - 1);
  if (objects > 1) return { puts: packs + objects * putsOf(bytes / objects) };
  // One output is a PUT, or copies of packs that are large enough, or parts that are read and written.
  const parts = packs > 0 ? claims : Math.ceil(bytes / PART);
  return { puts: packs + reduced + (bytes <= PART ? 1 : 2 + parts), gets: reduced };
}

/** An object of one PUT, or an upload of parts. */
const putsOf = (bytes: number): number => (bytes <= PART ? 1 : 2 + Math.ceil(bytes / PART));

/** Each object begun, copied, completed; looks at the destination, lists, records of the uploads, claims renewed. */
function deliveryUsage(objects: number): Partial<Usage> {
  const groups = Math.ceil(objects / GROUP);
  return {
    writeUnits: 3 + groups + Math.ceil(objects / COMPLETIONS),
    puts: 10 + 2 * groups + 3 * objects,
    gets: objects > 1 ? 7 : 5,
  };
}

export const NOTHING: Usage = {
  appGbSeconds: 0,
  transitions: 0,
  requests: 0,
  controlGbSeconds: 0,
  writeUnits: 0,
  readUnits: 0,
  puts: 0,
  gets: 0,
};

const KINDS = Object.keys(NOTHING) as readonly (keyof Usage)[];

const plus = (a: Usage, b: Partial<Usage>): Usage =>
  Object.fromEntries(KINDS.map((kind) => [kind, a[kind] + (b[kind] ?? 0)])) as Record<keyof Usage, number>;

const times = (n: number, usage: Partial<Usage>): Usage =>
  Object.fromEntries(KINDS.map((kind) => [kind, n * (usage[kind] ?? 0)])) as Record<keyof Usage, number>;

/** What a run after the first takes beside its claims: the whole way once more. */
export const furtherRuns = (usage: Usage, work: Work, runs: number): Usage =>
  plus(usage, times(Math.max(0, runs - 1), plus(times(work.gates, PER_GATE), FIXED)));
