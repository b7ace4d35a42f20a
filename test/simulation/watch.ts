/** Looks at the job's items behind every write: I2 and I3, told by the items alone. */
import type { MemoryTable } from "../../adapters/memory/index.ts";
import { unpackStates } from "../../core/batches/packed-states.ts";
import {
  type BatchItem,
  batchItem,
  COUNT_NAMES,
  type GateItem,
  gateItem,
} from "../../core/contracts/progress-items.ts";
import { COUNT_OF, type Epoch, isBefore, sameEpoch } from "../../core/gates/gates.ts";
import { gatePk } from "../../core/keys/item-keys.ts";
import type { Item } from "../../core/ports/index.ts";
import { hasEnded, TASK_LETTERS } from "../../core/states/task-states.ts";
import type { Caller } from "./world.ts";

/** The batches that the job will have: number → tasks. */
export type Sizes = ReadonlyMap<number, number>;

interface Snapshot {
  readonly gates: ReadonlyMap<number, GateItem>;
  readonly batches: ReadonlyMap<number, BatchItem>;
}

export class Watch {
  readonly #table: MemoryTable;
  readonly #jobId: string;
  readonly #sizes: Sizes;
  readonly #gates: number;
  #last: Snapshot;
  /** Claims that took effect. */
  consumed = 0;

  constructor(table: MemoryTable, jobId: string, sizes: Sizes, gates: number) {
    this.#table = table;
    this.#jobId = jobId;
    this.#sizes = sizes;
    this.#gates = gates;
    this.#last = this.#read();
  }

  get batches(): ReadonlyMap<number, BatchItem> {
    return this.#last.batches;
  }

  /** @throws Error that names the invariant */
  look(caller: Caller): void {
    const now = this.#read();
    for (const [k, gate] of now.gates) {
      this.#countsAddUp(k, gate, now);
      const before = this.#last.gates.get(k);
      if (before) checkGate(caller, k, before, gate);
    }
    for (const [n, batch] of now.batches) {
      const before = this.#last.batches.get(n);
      if (JSON.stringify(before) !== JSON.stringify(batch)) this.#checkBatch(caller, n, before, batch);
    }
    this.#last = now;
  }

  /** I2: a gate's counts are those of its batches; a batch without an item is all queued. */
  #countsAddUp(k: number, gate: GateItem, { batches }: Snapshot): void {
    const counts = Object.fromEntries(COUNT_NAMES.map((name) => [name, 0])) as Record<
      (typeof COUNT_NAMES)[number],
      number
    >;
    for (const [n, size] of this.#sizes) {
      if (n % this.#gates !== k) continue;
      const batch = batches.get(n);
      if (!batch) counts.queued += size;
      for (const { letter } of batch ? unpackStates(batch.tasks) : []) {
        const isAbandoned = letter === "A" && batch !== undefined && !sameEpoch(batch, gate);
        counts[isAbandoned ? "queued" : COUNT_OF[TASK_LETTERS[letter]]]++;
      }
    }
    for (const name of COUNT_NAMES) {
      if (gate[name] !== counts[name]) {
        throw new Error(`I2: gate ${k} counts ${gate[name]} ${name}, its batches have ${counts[name]}`);
      }
    }
  }

  /** I3: only the claim in hand, of the gate's epoch, through a gate that lets it pass; what has ended stays as it is. */
  #checkBatch(caller: Caller, n: number, before: BatchItem | undefined, after: BatchItem): void {
    const gate = this.#last.gates.get(n % this.#gates);
    const who = `batch ${n}, ${JSON.stringify(caller)}`;
    if (!gate || !sameEpoch(gate, epochOf(caller)))
      throw new Error(`I3: a write of another epoch than the gate's: ${who}`);
    if (gate.mode === "closed") throw new Error(`I3: a write through a closed gate: ${who}`);
    const isConsumed = after.last?.claim !== before?.last?.claim;
    if (isConsumed) {
      this.consumed++;
      const isInHand = before?.inHand === true && before.claim === caller.claim && sameEpoch(before, epochOf(caller));
      if (caller.name !== "commit" || !isInHand) throw new Error(`I3: a claim that isn't in hand was consumed: ${who}`);
    }
    const claims = after.claim - (before?.claim ?? 0);
    if (claims < 0 || claims > 1 || (claims === 0 && !isConsumed))
      throw new Error(`I3: claim moved by ${claims}: ${who}`);
    if (claims === 1 && gate.mode !== "open") throw new Error(`I3: a claim through a gate that isn't open: ${who}`);
    const tasks = unpackStates(after.tasks);
    for (const [i, task] of (before ? unpackStates(before.tasks) : []).entries()) {
      const changed = JSON.stringify(task) !== JSON.stringify(tasks[i]);
      if (changed && hasEnded(task.letter)) throw new Error(`I3: task ${i} had ended and changed: ${who}`);
    }
  }

  #read(): Snapshot {
    const gates = new Map<number, GateItem>();
    const batches = new Map<number, BatchItem>();
    const numbers = new Map(Array.from({ length: this.#gates }, (_, k) => [gatePk(this.#jobId, 0, k), k]));
    for (const item of this.#table.dump() as readonly Item[]) {
      const k = numbers.get(item.pk);
      if (k === undefined) continue;
      if (item.sk === "GATE") gates.set(k, gateItem.parse(item));
      else batches.set(Number(item.sk.slice("BATCH#".length)), batchItem.parse(item));
    }
    return { gates, batches };
  }
}

function checkGate(caller: Caller, k: number, before: GateItem, after: GateItem): void {
  const who = `gate ${k}, ${JSON.stringify(caller)}`;
  if (isBefore(after, before)) throw new Error(`I3: the epoch went back: ${who}`);
  const isFenced = !sameEpoch(before, after);
  if (after.mode === "open" && before.mode !== "open" && (isFenced || before.opened || caller.name !== "plan")) {
    throw new Error(`I3: opened again: ${who}`);
  }
  if (after.mode === "held" && before.mode === "closed") throw new Error(`I3: held, though it was closed: ${who}`);
}

const epochOf = ({ run = 0, round = 0 }: Caller): Epoch => ({ run, round });
