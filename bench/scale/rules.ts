/**
 * Rules of JobJob that decide how long a job takes and that are constants within modules, not functions to call. Where each
 * stands is part of it: a test compares them with the source, so that a change there can't leave the model behind.
 */
interface Rule {
  readonly value: number;
  readonly file: string;
  /** The source's own line of it. */
  readonly line: string;
}

const rule = (value: number, file: string, line: string): Rule => ({ value, file, line });
const MIB = 1024 * 1024;

export const RULES = {
  /** Bytes of one GET of input; one is read ahead of the app. */
  windowBytes: rule(4 * MIB, "runtime/node/worker/node-worker.ts", "windowBytes: 4 * 1024 * 1024,"),
  /** Small inputs that are asked for ahead of the app. */
  readersAhead: rule(8, "runtime/node/worker/feeder.ts", "const READERS_AHEAD = 8;"),
  /** Heads of objects that prepare reads at once, when chunks are cut along records. */
  probes: rule(16, "core/partition/source-table.ts", "const PROBES = 16;"),
  /** Claim indexes that assemble reads ahead. */
  batchesAhead: rule(4, "core/merge/results.ts", "const BATCHES_AHEAD = 4;"),
  /** Batch items that one read of the table brings. */
  batchesPerRead: rule(100, "core/batches/read.ts", "const BATCHES_PER_READ = 100;"),
  /** Parts of an upload that assemble has under way at once. */
  partsAtOnce: rule(4, "core/merge/merge-into.ts", "const PARTS_AT_ONCE = 4;"),
  /** Seconds of a worker around its tasks that the cost model bills by itself. */
  aroundSeconds: rule(0.2, "core/cost/usage.ts", "const AROUND_SECONDS = 0.2;"),
} as const;

/** Keys that one answer of ListObjectsV2 brings; S3's limit. */
export const KEYS_PER_LIST = 1_000;
/** DynamoDB write units of a claim and of a commit: a transaction of two items, each twice its size of up to 1 KB. */
export const TRANSACTION_WRITE_UNITS = 4;
/** Transitions of a child: its start, Claim, App, Commit, Choice, Done. */
export const TRANSITIONS = { start: 1, claim: 1, app: 1, commit: 1, end: 2 } as const;
/** GETs of a worker's call beside its input: work spec, chunk lines, rows of sources, hint; and its PUTs: pack and index. */
export const WORKER_GETS = 4;
export const WORKER_PUTS = 2;
