/** What is assumed rather than known (limits.ts) must not decide the answer: how far it moves when it is wrong by a factor. */
import { awsPlatform } from "./aws-platform.ts";
import { limitsOf } from "./binding.ts";
import type { Inputs } from "./inputs.ts";
import { AWS, type Fact, type LimitName, type Limits } from "./limits.ts";
import { runJob } from "./run-job.ts";
import type { Account } from "./scenarios.ts";
import type { Workload } from "./workload.ts";

const TIMES = 2;
/** Of the assumed ones, those of which more is better. */
const IS_RATE: ReadonlySet<LimitName> = new Set(["s3Copy"]);

/** @returns seconds with everything assumed twice as good, and twice as bad */
export function assumedTimes(work: Workload, account: Account, inputs: Inputs): readonly [number, number] {
  const limits = limitsOf(account);
  const seconds = (times: number): number => runJob(work, awsPlatform(changed(limits, times), inputs)).seconds;
  return [seconds(1 / TIMES), seconds(TIMES)];
}

function changed(limits: Limits, times: number): Limits {
  const changes = (Object.entries(AWS) as [LimitName, Fact][])
    .filter(([, { assumed }]) => assumed)
    .map(([name]): [string, number] => [name, IS_RATE.has(name) ? limits[name] / times : limits[name] * times]);
  return { ...limits, ...Object.fromEntries(changes) };
}
