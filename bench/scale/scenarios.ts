/** The jobs that nobody here can run: a terabyte, half a million small objects, ten million tasks. */
import type { Inputs } from "./inputs.ts";
import { AWS_SAMPLE } from "./limits.ts";
import { chunksOf, type Workload } from "./workload.ts";

/** What an account and a deployment allow. */
export interface Account {
  readonly lambdaConcurrency: number;
  /** Of the deployment. */
  readonly maxWorkers: number;
}

/** An account that never asked for more, a deployment without context keys. */
const DEFAULT: Account = { lambdaConcurrency: 1_000, maxWorkers: 500 };
/** After a quota request, with as many workers as AWS's own sample uses. */
const RAISED: Account = { lambdaConcurrency: 10_000, maxWorkers: AWS_SAMPLE.workers };

export interface Scenario {
  /** Figures and the report go by it. */
  readonly id: string;
  readonly what: string;
  readonly account: Account;
  readonly work: Workload;
}

type Draft = Omit<Workload, "workers" | "name">;

const TERABYTE = 1e12;
const TEN_MILLION = 10_000_000;
const MB = 1e6;
/** Of its input, by select. */
const KEPT = 0.1;
/** A task's result of word-count, of checksum-objects, of numbers. */
const RESULT_BYTES = { words: 10_000, checksum: 150, number: 8 } as const;
const NOTHING_READ = { bytes: 0, objects: 0 } as const;

/** 1 TB in one object, cut as JobJob cuts it. */
function text(rate: number, scanned: boolean, outputBytes: number): Draft {
  const tasks = chunksOf(TERABYTE);
  const bytes = TERABYTE / tasks;
  return {
    tasks,
    declaredSeconds: 2,
    task: { seconds: bytes / (rate * MB), bytes, objects: 0 },
    source: { kind: "file", bytes: TERABYTE, scanned },
    outputBytes,
  };
}

function objects(inputs: Inputs, prefixes: number): Draft {
  const { objects: count, bytes } = AWS_SAMPLE;
  return {
    tasks: count,
    declaredSeconds: 0.5,
    task: { seconds: inputs.smallObject / 1_000, bytes: bytes / count, objects: 1 },
    source: { kind: "objects", count, probed: false, prefixes },
    outputBytes: count * RESULT_BYTES.checksum,
  };
}

const tenMillion = (seconds: number, declaredSeconds: number): Draft => ({
  tasks: TEN_MILLION,
  declaredSeconds,
  task: { seconds, ...NOTHING_READ },
  source: { kind: "none" },
  outputBytes: TEN_MILLION * RESULT_BYTES.number,
});

/** Id of the one whose concurrency is drawn over time. */
export const DRAWN = "10 million tasks, raised";

export function scenarios(inputs: Inputs): readonly Scenario[] {
  const make = (id: string, what: string, account: Account, draft: Draft): Scenario => ({
    id,
    what,
    account,
    work: { ...draft, name: id, workers: account.maxWorkers },
  });
  const words = text(inputs.linesRate, false, chunksOf(TERABYTE) * RESULT_BYTES.words);
  const ndjson = text(inputs.ndjsonRate, false, TERABYTE * KEPT);
  const csv = text(inputs.csvRate, true, TERABYTE * KEPT);
  const seconds = tenMillion(1, 1);
  return [
    make("1 TB of text", "one object, `word-count`", DEFAULT, words),
    make("1 TB of text, raised", "the same", RAISED, words),
    make("1 TB of NDJSON", "one object, `ndjson-select` keeps a tenth", DEFAULT, ndjson),
    make("1 TB of CSV, scanned", "one object, newlines may hide in quotes, `csv-select` keeps a tenth", DEFAULT, csv),
    make("558,000 objects", "37 GB in one prefix, `checksum-objects`", DEFAULT, objects(inputs, 1)),
    make("558,000 objects, 10 prefixes", "the same, spread over ten busy prefixes", DEFAULT, objects(inputs, 10)),
    make("10 million tasks", "of one second", DEFAULT, seconds),
    make(DRAWN, "the same", RAISED, seconds),
    make("10 million tiny tasks", "`numbers`", DEFAULT, tenMillion(inputs.tinyTask / 1_000, 0.2)),
  ];
}
