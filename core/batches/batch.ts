/** A batch as claim, commit and plan see it. */
import { type BatchItem, batchItem } from "../contracts/progress-items.ts";
import type { ChildInput } from "../contracts/workflow.ts";
import { type Epoch, sameEpoch } from "../gates/gates.ts";
import { parseItem } from "../job/load.ts";
import { batchKey } from "../keys/item-keys.ts";
import type { Item } from "../ports/index.ts";
import { hasEnded } from "../states/task-states.ts";
import { freshTasks, type PackedTask, unpackStates } from "./packed-states.ts";

/** `exists` is false before the first claim: a missing item means that all tasks are QUEUED. */
export interface Batch {
  readonly exists: boolean;
  readonly epoch: Epoch;
  readonly claim: number;
  readonly inHand: boolean;
  readonly last: BatchItem["last"];
  readonly tasks: readonly PackedTask[];
  readonly retryAt: number | undefined;
  readonly deaths: number;
  readonly idle: number;
  /** Claims that came to nothing: superseded, or consumed without an index. What they left tells of no attempt. */
  readonly lost: readonly number[];
  /** The run whose plan has applied a requeue's selection to it last; 0 = none. */
  readonly resetRun: number;
}

export function asBatch(item: Item | undefined, count: number): Batch {
  const batch = item && parseItem(batchItem, item);
  return {
    exists: batch !== undefined,
    epoch: { run: batch?.run ?? 0, round: batch?.round ?? 0 },
    claim: batch?.claim ?? 0,
    inHand: batch?.inHand ?? false,
    last: batch?.last,
    tasks: unpackStates(batch?.tasks ?? freshTasks(count)),
    retryAt: batch?.retryAt,
    deaths: batch?.deaths ?? 0,
    idle: batch?.idle ?? 0,
    lost: batch?.lost ?? [],
    resetRun: batch?.resetRun ?? 0,
  };
}

/** The fence has queued again what workers of an older epoch held: their ACTIVE tasks read as QUEUED. */
export function tasksIn(batch: Batch, epoch: Epoch): readonly PackedTask[] {
  if (sameEpoch(batch.epoch, epoch)) return batch.tasks;
  return batch.tasks.map((task) => (task.letter === "A" ? { ...task, letter: "Q" as const } : task));
}

/** A soft-failed task without a time for its next attempt is due. */
export const retryIsDue = (batch: Batch, now: number): boolean => batch.retryAt === undefined || batch.retryAt <= now;

export const isUnfinished = (tasks: readonly PackedTask[]): boolean => tasks.some((task) => !hasEnded(task.letter));

/** The tasks API looks back at as many claims. */
const MOST_LOST = 20;
export const withLost = ({ lost, claim }: Batch): readonly number[] => [...lost, claim].slice(-MOST_LOST);

export const epochOf = (input: ChildInput): Epoch => ({ run: input.run, round: input.round });
export const keyOfBatch = (input: ChildInput) => batchKey(input.jobId, input.generation, input.policy.gates, input.b.n);
