/** The API's create, get and list: whether they cost the same however many jobs there are, and what the handler itself takes. */
import { pathToFileURL } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { ManualClock, SeededIds } from "../../adapters/memory/index.ts";
import { ownerWrites } from "../../core/auth/owners.ts";
import { loadJob } from "../../core/job/load.ts";
import { gateKeysOf } from "../../core/job/progress.ts";
import { jobKey, specKey } from "../../core/keys/item-keys.ts";
import type { Item } from "../../core/ports/index.ts";
import { bundled } from "../lib/bundled.ts";
import { CountingTable } from "../lib/counting-table.ts";
import { type Deployed, runJob, theStack } from "../lib/deployed.ts";
import { exactly, type Figure, type Suite } from "../lib/figure.ts";
import { TableCopy } from "../lib/table-copy.ts";
import { timeSideBySide } from "../lib/timer.ts";
import { Wire } from "../lib/wire.ts";
import { BASE, type Call, caller, DRAFT, portsOn } from "../measured/api.ts";

type Measured = typeof import("../measured/api.ts");

const FEW = 100;
const MANY = 10_000;
/** Calls behind one sample. */
const CALLS = 50;

export const api: Suite = {
  name: "api",
  what: `create, get and list with ${text(FEW)} and with ${text(MANY)} jobs`,
  async run(say) {
    const stack = await theStack(say);
    const code = (await import(pathToFileURL(await bundled("api")).href)) as Measured;
    const finished = await itemsOfFinishedJob(stack, say);
    return [
      ...(await consumed(stack, finished, say)),
      ...(await times(code, finished)),
      ...(await overhead(code, finished)),
    ];
  },
};

function text(count: number): string {
  return count.toLocaleString("en-US");
}

interface Known {
  /** A job from the middle. */
  readonly id: string;
  /** Behind the first page of a list. */
  readonly cursor: string;
}

const CALLED: Readonly<Record<string, (call: Call, known: Known) => ReturnType<Call>>> = {
  get: (call, { id }) => call("GET", `${BASE}/${id}`),
  list: (call) => call("GET", BASE),
  "list, next page": (call, { cursor }) => call("GET", BASE, { query: { cursor } }),
  "list of a state": (call) => call("GET", BASE, { query: { state: "COMPLETE" } }),
  create: (call) => call("POST", BASE, { body: DRAFT }),
  "create with an Idempotency-Key": (call) =>
    call("POST", BASE, { body: DRAFT, headers: { "idempotency-key": "once" } }),
};

interface Consumed {
  /** Asked of the table: found or not, as DynamoDB bills them. */
  readonly items: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly requests: number;
}

/** The real adapter on the emulator's table, with the meter between. */
async function consumed(
  stack: Deployed,
  finished: readonly Item[],
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  const table = await TableCopy.of(stack.tableName);
  const wire = new Wire(stack.endpoint);
  try {
    const few = await consumedWith(FEW, { finished, table, wire });
    say(`with ${text(FEW)} jobs: done`);
    const many = await consumedWith(MANY, { finished, table, wire });
    say(`with ${text(MANY)} jobs: done`);
    const figures = Object.keys(CALLED).flatMap((name) => [
      same(name, "items read", "items", few, many, ({ items }) => items),
      same(name, "capacity read", "units", few, many, ({ readUnits }) => readUnits),
      same(name, "capacity written", "units", few, many, ({ writeUnits }) => writeUnits),
      same(name, "requests to the table", "requests", few, many, ({ requests }) => requests),
    ]);
    // What reads writes nothing, and the other way round.
    return figures.filter(({ value, baseline }) => value !== 0 || baseline?.value !== 0);
  } finally {
    await wire.close();
    await table.remove();
  }
}

type Counted = ReadonlyMap<string, Consumed>;

function same(
  name: string,
  what: string,
  unit: string,
  few: Counted,
  many: Counted,
  of: (c: Consumed) => number,
): Figure {
  const [before, value] = [few, many].map((counted) => {
    const found = counted.get(name);
    return found ? of(found) : Number.NaN;
  });
  return {
    name: `${name}: ${what} at ${text(MANY)} jobs`,
    value: value ?? Number.NaN,
    unit,
    baseline: { name: `with ${text(FEW)}`, value: before ?? Number.NaN },
    bar: exactly(before ?? Number.NaN),
  };
}

interface Bench {
  readonly finished: readonly Item[];
  readonly table: TableCopy;
  readonly wire: Wire;
}

async function consumedWith(jobs: number, { finished, table, wire }: Bench): Promise<Counted> {
  const owner = `bench-${jobs}`;
  const ids = someIds(jobs);
  await table.put(copies(finished, owner, ids));

  const endpoint = await wire.portOf(owner);
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint }), {
    marshallOptions: { removeUndefinedValues: true },
  });
  try {
    const counting = new CountingTable(new DynamoTable({ name: table.name, client }));
    await counting.transact(ownerWrites({ clock: new ManualClock() }, owner));
    const call = caller(portsOn(counting), owner);
    const { cursor } = pagination.parse(JSON.parse((await ok(call("GET", BASE))).body)).pagination;
    const known = { id: ids[jobs / 2] ?? "", cursor };
    const counted = new Map<string, Consumed>();
    for (const [name, send] of Object.entries(CALLED)) {
      wire.reset();
      counting.itemReads = 0;
      await ok(send(call, known));
      const sum = (of: (call: (typeof wire.calls)[number]) => number) => wire.calls.reduce((all, c) => all + of(c), 0);
      counted.set(name, {
        items: counting.itemReads,
        readUnits: sum(({ readUnits }) => readUnits),
        writeUnits: sum(({ writeUnits }) => writeUnits),
        requests: wire.calls.length,
      });
    }
    return counted;
  } finally {
    client.destroy();
  }
}

const pagination = z.object({ pagination: z.object({ cursor: z.string() }) });

async function ok(answer: ReturnType<Call>): ReturnType<Call> {
  const got = await answer;
  if (got.statusCode !== 200) throw new Error(`The API answers ${got.statusCode}: ${got.body}`);
  return got;
}

/** Those that create, get and list read. */
async function itemsOfFinishedJob(stack: Deployed, say: (line: string) => void): Promise<readonly Item[]> {
  const { id } = (await runJob(stack, DRAFT, say)).job;
  const job = await loadJob(stack.table, id);
  if (!job) throw new Error(`The job ${id} has no item.`);
  const keys = [jobKey(id), specKey(id), ...gateKeysOf(job)];
  const items = await stack.table.batchGet(keys, { consistent: true });
  if (items.length !== keys.length) throw new Error(`The job ${id} has ${items.length} items, not ${keys.length}.`);
  await stack.client.delete(id);
  return items;
}

function someIds(count: number): readonly string[] {
  const ids = new SeededIds(count, new ManualClock());
  return Array.from({ length: count }, () => ids.ulid());
}

/** The same job again and again, each with an id of its own. */
function* copies(items: readonly Item[], owner: string, ids: readonly string[]): Generator<Item> {
  const [job] = items;
  const source = JSON.stringify(items);
  for (const id of ids) {
    const copy = source.replaceAll(String(job?.id), id).replaceAll(String(job?.owner), owner);
    yield* JSON.parse(copy) as Item[];
  }
}

/** The same calls on ports in memory: only code, no table's own time. */
async function times(code: Measured, finished: readonly Item[]): Promise<readonly Figure[]> {
  const [few, many] = [await inMemory(code, finished, FEW), await inMemory(code, finished, MANY)];
  const known = async (call: Call): Promise<Known> => {
    const { data, pagination: page } = listed.parse(JSON.parse((await ok(call("GET", BASE))).body));
    return { id: data[10]?.id ?? "", cursor: page.cursor };
  };
  const [ofFew, ofMany] = [await known(few), await known(many)];
  const figures: Figure[] = [];
  for (const [name, send] of Object.entries(CALLED)) {
    const calls = async (call: Call, its: Known): Promise<void> => {
      for (let i = 0; i < CALLS; i++) await ok(send(call, its));
    };
    const time = await timeSideBySide({ few: () => calls(few, ofFew), many: () => calls(many, ofMany) });
    figures.push({
      name: `${name}: time at ${text(MANY)} jobs in memory`,
      value: time.many.median / CALLS,
      unit: "ms",
      spread: time.many.spread,
      baseline: { name: `ms with ${text(FEW)}`, value: time.few.median / CALLS, spread: time.few.spread },
    });
  }
  return figures;
}

const inMemory = (code: Measured, finished: readonly Item[], jobs: number): Promise<Call> =>
  code.apiWith(copies(finished, code.OWNER, someIds(jobs)));

const listed = z.object({
  data: z.array(z.object({ id: z.string() })),
  pagination: z.object({ cursor: z.string() }),
});

/** What the handler adds to a route of Hono that answers the same bytes. */
async function overhead(code: Measured, finished: readonly Item[]): Promise<readonly Figure[]> {
  const ours = await inMemory(code, finished, FEW);
  const { data } = listed.parse(JSON.parse((await ok(ours("GET", BASE))).body));
  const path = `${BASE}/${data[10]?.id}`;
  const { body } = await ok(ours("GET", path));
  const bare = code.bareHono(JSON.parse(body));
  if ((await ok(bare("GET", path))).body !== body) throw new Error("The bare handler answers something else.");
  const calls = async (call: Call, at: string): Promise<void> => {
    for (let i = 0; i < CALLS; i++) await ok(call("GET", at));
  };
  const time = await timeSideBySide({
    bare: () => calls(bare, path),
    get: () => calls(ours, path),
    health: () => calls(ours, "/v1/health"),
  });
  const baseline = { name: "ms of a bare Hono handler", value: time.bare.median / CALLS, spread: time.bare.spread };
  return [
    { name: "get: the handler", value: time.get.median / CALLS, unit: "ms", spread: time.get.spread, baseline },
    {
      name: "health: the handler",
      value: time.health.median / CALLS,
      unit: "ms",
      spread: time.health.spread,
      baseline,
    },
  ];
}
