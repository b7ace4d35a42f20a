/** What is to befall which job: every required cell of the table is dealt to some job, and chance adds to it. */
import { ACTIVE_STATES, type JobState } from "../../core/states/job-states.ts";
import { type Action, REQUIRED } from "./cells.ts";
import type { Random } from "./random.ts";

export interface Intent {
  readonly action: (typeof DEALT)[number];
  readonly at: JobState;
  /** How often it is tried when it misses its state: a required cell is worth some runs of the job. */
  readonly tries: number;
}
export interface JobPlan {
  readonly intents: readonly Intent[];
  /** Its last abort is meant: it isn't requeued. */
  readonly staysCanceled: boolean;
}

/** Resume of PAUSED and requeue of FAILED and CANCELED every driver does by itself, and asks for what must be refused. */
const DEALT = ["pause", "abort", "stop"] as const satisfies readonly Action[];

export function planJobs(jobs: number, random: Random): readonly JobPlan[] {
  const must = DEALT.flatMap((action) => REQUIRED[action].map((at): Intent => ({ action, at, tries: 8 })));
  const [slow, quick] = [must.filter(isSlow), random.shuffle(must.filter((intent) => !isSlow(intent)))];
  const lists: Intent[][] = Array.from({ length: jobs }, () => []);
  // The slow ones come first and alone: what else is to happen, happens beside them.
  for (const [i, intent] of slow.entries()) lists[i]?.push(intent);
  const others = lists.slice(slow.length);
  for (const [i, intent] of quick.entries()) others[i % others.length]?.push(intent);
  for (const list of others) for (let n = random.int(0, 2); n > 0; n--) list.push(anyIntent(random));
  let mayStay = Math.floor(jobs / 4); // at least half are to end COMPLETE, whatever the seed
  return lists.map((intents) => {
    const isAborted = intents.some(({ action }) => action === "abort");
    const staysCanceled = isAborted && (intents.some(isSlow) || random.chance(0.3)) && mayStay-- > 0;
    return { intents, staysCanceled };
  });
}

/** It waits out a publication that may be under way: a minute, and the sweeper's next round. MERGED is over at once. */
const isSlow = ({ action, at }: Intent): boolean => action === "abort" && (at === "DOWNLOADING" || at === "MERGED");

function anyIntent(random: Random): Intent {
  const action = random.pick(DEALT);
  if (action === "pause") return { action, at: "PARTITIONED", tries: 1 };
  return random.pick(ACTIVE_STATES.map((at): Intent => ({ action, at, tries: 1 })).filter((intent) => !isSlow(intent)));
}
