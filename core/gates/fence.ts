/** The fence: moving gates to another epoch, or closing, holding and opening them. Every function here is idempotent. */
import { gateItem, ROUND_END } from "../contracts/progress-items.ts";
import { JobJobError } from "../errors.ts";
import { parseItem } from "../job/load.ts";
import { gateKey } from "../keys/item-keys.ts";
import { type Changes, type Condition, isRefused, type Key, RefusedError, type Table } from "../ports/index.ts";
import { type Epoch, epochIs, isBefore } from "./gates.ts";

export interface GateRange {
  readonly jobId: string;
  readonly generation: number;
  readonly gates: number;
}

/** Old workers may still move the counts between a read and the write; they are few and end soon. */
const FENCE_TRIES = 100;

const keysOf = ({ jobId, generation, gates }: GateRange): Key[] =>
  Array.from({ length: gates }, (_, k) => gateKey(jobId, generation, k));

/** A conditional write whose refusal means that there is nothing to do. A conflict with a worker's transaction means nothing. */
async function writeIf(table: Table, update: Key, changes: Changes, conditions: readonly Condition[]): Promise<void> {
  try {
    await table.write({ update, changes, if: { all: conditions } });
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

/**
 * Moves every gate of an older epoch to `epoch`, closed: from then on no claim or commit of an older epoch passes, and what
 * its workers held is queued again. A gate that doesn't exist is none to fence.
 */
export async function fenceGates(table: Table, range: GateRange, epoch: Epoch): Promise<void> {
  await Promise.all(keysOf(range).map((key) => fenceGate(table, key, epoch)));
}

async function fenceGate(table: Table, key: Key, epoch: Epoch): Promise<void> {
  for (let attempt = 0; attempt < FENCE_TRIES; attempt++) {
    const item = await table.get(key, { consistent: true });
    if (!item) return;
    const gate = parseItem(gateItem, item);
    if (!isBefore(gate, epoch)) return;
    const changes: Changes = {
      set: {
        run: epoch.run,
        round: epoch.round,
        mode: "closed",
        opened: false,
        queued: gate.queued + gate.active,
        active: 0,
      },
    };
    const asRead: Condition[] = [...epochIs(gate), { eq: ["active", gate.active] }, { eq: ["queued", gate.queued] }];
    try {
      return await table.write({ update: key, changes, if: { all: asRead } });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error; // its counts moved in between: look again
    }
  }
  throw new JobJobError({
    code: "GATE_BUSY",
    message: `The gate ${key.pk} kept changing while it was being fenced; the step is tried again.`,
    retryable: true,
  });
}

/** Ends a run on its gates: nothing of it passes any more, not even of an execution that starts late. */
export async function endRunOnGates(table: Table, range: GateRange, run: number): Promise<void> {
  await fenceGates(table, range, { run, round: ROUND_END });
}

/** Opens each gate once in an epoch; one that a pause has held since stays held. */
export async function openGates(table: Table, range: GateRange, epoch: Epoch): Promise<void> {
  await Promise.all(
    keysOf(range).map((key) =>
      writeIf(table, key, { set: { mode: "open", opened: true } }, [...epochIs(epoch), { eq: ["opened", false] }]),
    ),
  );
}

export async function closeGates(table: Table, range: GateRange, epoch: Epoch): Promise<void> {
  await Promise.all(keysOf(range).map((key) => writeIf(table, key, { set: { mode: "closed" } }, epochIs(epoch))));
}

/** `held` is set only from `open`, and only on the caller's run (plan: only on its epoch). */
export async function holdGates(
  table: Table,
  range: GateRange,
  whose: { readonly run: number; readonly round?: number },
): Promise<void> {
  const own: Condition[] = [
    { eq: ["run", whose.run] },
    ...(whose.round === undefined ? [] : [{ eq: ["round", whose.round] as const }]),
  ];
  await Promise.all(
    keysOf(range).map((key) => writeIf(table, key, { set: { mode: "held" } }, [...own, { eq: ["mode", "open"] }])),
  );
}
