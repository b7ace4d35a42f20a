/** Which limit binds: the one without which the job would be done soonest. */
import { awsPlatform } from "./aws-platform.ts";
import type { Inputs } from "./inputs.ts";
import { awsLimits, type Limits } from "./limits.ts";
import { type Outcome, runJob, type UsedName } from "./run-job.ts";
import type { Account } from "./scenarios.ts";
import { batchesOf, type Workload } from "./workload.ts";

/** Ten times as much of each, one at a time. */
const TIMES = 10;

export interface Freed {
  readonly limit: FreedName;
  /** Of the whole job, with ten times as much of it. */
  readonly seconds: number;
}

export interface Simulated {
  readonly outcome: Outcome;
  /** By how much it helps, most first; those that help by less than 1 % are left out. */
  readonly freed: readonly Freed[];
  /** The most of each limit that was in use for some ten seconds, 0 … 1. */
  readonly peaks: Readonly<Record<BoundedName, number>>;
}

const BOUNDED = {
  workers: "children",
  childStarts: "childStarts",
  transitions: "transitions",
  lambdaConcurrency: "lambdaConcurrency",
  lambdaScaling: "lambdaScaling",
  s3Gets: "s3Gets",
  s3Puts: "s3Puts",
  tableWrites: "tableWrites",
  partitionWrites: "partitionWrites",
} as const satisfies Record<string, UsedName>;
export type BoundedName = keyof typeof BOUNDED;

export const limitsOf = ({ lambdaConcurrency }: Account): Limits => awsLimits({ lambdaConcurrency });

interface Change {
  readonly limits?: (limits: Limits) => Partial<Limits>;
  readonly workers?: number;
  /** Not worth a run while this is far from its limit. */
  readonly watched?: readonly BoundedName[];
}

const CHANGES = {
  "workers (`maxWorkers`)": { workers: TIMES, watched: ["workers"] },
  "Lambda's concurrency": {
    limits: ({ lambdaConcurrency }) => ({ lambdaConcurrency: lambdaConcurrency * TIMES }),
    watched: ["lambdaConcurrency"],
  },
  "Lambda's scaling": {
    limits: ({ lambdaScaling, lambdaScalingBurst }) => ({
      lambdaScaling: lambdaScaling * TIMES,
      lambdaScalingBurst: lambdaScalingBurst * TIMES,
    }),
    watched: ["lambdaScaling"],
  },
  "child starts": { limits: ({ childStarts }) => ({ childStarts: childStarts * TIMES }), watched: ["childStarts"] },
  "state transitions": {
    limits: ({ transitions }) => ({ transitions: transitions * TIMES }),
    watched: ["transitions"],
  },
  "S3's GETs of a prefix": { limits: ({ s3Gets }) => ({ s3Gets: s3Gets * TIMES }), watched: ["s3Gets"] },
  "S3's PUTs of a prefix": { limits: ({ s3Puts }) => ({ s3Puts: s3Puts * TIMES }), watched: ["s3Puts"] },
  "table writes": {
    limits: ({ tableWrites, partitionWrites }) => ({
      tableWrites: tableWrites * TIMES,
      partitionWrites: partitionWrites * TIMES,
    }),
    watched: ["tableWrites", "partitionWrites"],
  },
  "S3's first byte": { limits: ({ s3FirstByte }) => ({ s3FirstByte: s3FirstByte / TIMES }) },
  "network of a worker": { limits: ({ network }) => ({ network: network * TIMES }) },
} as const satisfies Record<string, Change>;

/** The steps that are one function at a time, and what they do that grows with the job. */
const STEPS = {
  prepare: "listing (prepare)",
  partition: "reading (partition)",
  assemble: "merging (assemble)",
} as const;
export type FreedName = keyof typeof CHANGES | (typeof STEPS)[keyof typeof STEPS];

/** Far from its limit. */
const IDLE = 0.7;
const HELPS = 0.99;

export function simulate(work: Workload, account: Account, inputs: Inputs): Simulated {
  const limits = limitsOf(account);
  const platform = awsPlatform(limits, inputs);
  const outcome = runJob(work, platform);
  const peaks = peaksOf(outcome, limits);
  const freed: Freed[] = [];
  for (const [limit, change] of Object.entries(CHANGES) as [keyof typeof CHANGES, Change][]) {
    if (change.watched?.every((name) => peaks[name] < IDLE)) continue;
    const changed = { ...limits, ...change.limits?.(limits) };
    const more = { ...work, workers: work.workers * (change.workers ?? 1) };
    freed.push({ limit, seconds: runJob(more, awsPlatform(changed, inputs)).seconds });
  }
  const { before, after } = platform.stages(work, batchesOf(work));
  for (const { name, growing = 0 } of [...before, ...after]) {
    const limit = STEPS[name as keyof typeof STEPS];
    if (limit) freed.push({ limit, seconds: outcome.seconds - growing * (1 - 1 / TIMES) });
  }
  return {
    outcome,
    peaks,
    freed: freed.filter(({ seconds }) => seconds < outcome.seconds * HELPS).sort((a, b) => a.seconds - b.seconds),
  };
}

/** Lambda's scaling is a rate per ten seconds: shorter peaks say nothing. */
const PEAK_SECONDS = 10;

function peaksOf({ used, tasks, work }: Outcome, limits: Limits): Record<BoundedName, number> {
  const most: Readonly<Record<BoundedName, number>> = {
    ...limits,
    workers: Math.min(work.workers, limits.mapConcurrency),
    s3Gets: limits.s3Gets * (work.source.kind === "objects" ? work.source.prefixes : 1),
  };
  const parts = Math.max(1, Math.floor((tasks.to - tasks.from) / PEAK_SECONDS));
  const names = Object.keys(BOUNDED) as BoundedName[];
  return Object.fromEntries(
    names.map((name) => {
      const levels = used[BOUNDED[name]].levels(tasks.from, tasks.to, parts);
      return [name, Math.min(1, levels.reduce((a, b) => Math.max(a, b), 0) / most[name])];
    }),
  ) as Record<BoundedName, number>;
}

/** What JobJob does about a limit that binds, and what its user can do. */
export const ANSWERS: Readonly<Record<FreedName, string>> = {
  "workers (`maxWorkers`)":
    "the deployment's own brake, half of an account's 1,000 so that the API and claims are never throttled: raise it together with the account's quota, or `maxConcurrency` up to it",
  "Lambda's concurrency": "`maxWorkers` keeps below it; ask AWS for more",
  "Lambda's scaling": "a batch lasts minutes, so an environment is started once and used for the whole job",
  "child starts":
    "up to 1,000 tasks or three minutes of work in a child: 100 starts a second hand out 100,000 tiny tasks a second",
  "state transitions": "six for a batch, whatever its size",
  "S3's GETs of a prefix":
    "JobJob reads neighbouring ranges with one GET; the keys of the input are the user's: spread over prefixes they get a rate each, and S3 splits a busy prefix by itself within minutes",
  "S3's PUTs of a prefix": "two PUTs for a batch (pack and index), not one for a task",
  "table writes": "eight units for a batch, spread over up to 32 gates of a partition each",
  "S3's first byte": "reading ahead: 8 small objects, or one window of 4 MiB beside the one in hand",
  "network of a worker":
    "each environment has its own 78 MB/s: more workers read more, but the scan for hidden newlines is one function's",
  "listing (prepare)":
    "a thousand keys an answer, one answer after the other: pack small objects into bigger ones, or run several jobs over parts of the prefix",
  "reading (partition)":
    '`quotedNewlines: "never"` where no quoted field holds a newline: then partition reads nothing; or several objects instead of one',
  "merging (assemble)":
    "it copies inside S3, a few parts at a time, and reads the batches' indexes in order, a few ahead; it is one function, and goes on in the next when its time is up. Fewer and bigger batches or results make it shorter",
};
