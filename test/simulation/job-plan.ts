/** What job a schedule runs: its input, its tasks' fates, its config; all drawn from the seed. */
import { gzipSync } from "node:zlib";
import type { Fate } from "./records.ts";
import type { Shape } from "./watch.ts";
import { INPUT, OUTPUT, type World } from "./world.ts";

export interface JobPlan {
  readonly shape: Shape;
  readonly fates: readonly Fate[];
  readonly body: Readonly<Record<string, unknown>>;
  /** The input's objects, as text; none for a generator. */
  readonly inputs: readonly InputObject[];
  readonly assembler: "concat" | "passthrough";
  readonly destination: "s3" | "bucket";
  readonly tolerated: number;
  /** Of a task, in a run. */
  readonly attempts: number;
}
export interface InputObject {
  readonly key: string;
  readonly text: string;
  readonly gzip: boolean;
}

/** At the destination. */
export const FOLDER = "results/";
const RECORDS_PER_TASK = 2;

export interface JobPlanOptions {
  readonly gzip: boolean;
  /** Nothing goes wrong: no attempt fails, no time runs out, so that the engine never ends a job's tasks early either. */
  readonly plain: boolean;
  /** The job ends early because tasks fail. */
  readonly failFast: boolean;
}

export function planJob(world: World, { gzip, plain, failFast }: JobPlanOptions): JobPlan {
  const batchSize = world.oneOf(1, 1, 1, 2, 3);
  // Five batches make two gates.
  const few = batchSize * 4 + 1;
  const source = world.oneOf("range", "range", "object", "prefix");
  const objects = source === "prefix" ? 3 : 1;
  const tasks = source === "prefix" ? Math.ceil(few / 3) * 3 : few;
  const inputs = source === "range" ? [] : inputsOf(tasks, objects, gzip && world.chance(0.04));
  const assembler = world.chance(0.25) ? "passthrough" : "concat";
  const destination = world.chance(0.75) ? "s3" : "bucket";
  const tolerated = failFast ? 0 : world.oneOf(0, 20, 100);
  const partitioner =
    source === "range"
      ? { range: `1-${tasks * RECORDS_PER_TASK}`, perChunk: RECORDS_PER_TASK }
      : { chunks: tasks / objects };
  const config = {
    maxConcurrency: world.oneOf(2, 3),
    maxTaskRetries: world.oneOf(2, 1, 0),
    retryBackoff: { initialMs: 1_000, rate: 2, maxMs: 5_000 },
    toleratedFailurePercentage: tolerated,
    failFast: !plain && (failFast || world.chance(0.3)),
    ...(!plain && world.chance(0.08) ? { jobTimeout: 400 } : {}),
    ...(world.chance(0.1) ? { gracePeriod: 40 } : {}),
    ...(world.chance(0.2) ? { overwrite: true } : {}),
  };
  return {
    shape: { tasks, batchSize, gates: Math.max(1, Math.ceil(Math.ceil(tasks / batchSize) / 4)) },
    fates: fatesOf(world, tasks, { plain, failing: failFast }),
    inputs,
    assembler,
    destination,
    tolerated,
    attempts: config.maxTaskRetries + 1,
    body: {
      templateId: `work-by-${batchSize}-${source === "range" ? "range" : "lines"}-${assembler}`,
      dataSource: source === "range" ? undefined : place(INPUT, source === "prefix" ? "input/" : "input/0.txt"),
      dataDestination: destination === "bucket" ? { dataSourceDescriptor: "bucket" } : place(OUTPUT, FOLDER),
      params: { partitioner },
      config,
    },
  };
}

const place = (bucketName: string, name: string) => ({ dataSourceDescriptor: "s3", params: { bucketName, name } });

/** Lines of one length, so that a source cut into n chunks has two of them in each. */
function inputsOf(tasks: number, objects: number, gzip: boolean): InputObject[] {
  return Array.from({ length: objects }, (_, i) => ({
    key: `input/${i}.txt`,
    gzip,
    text: linesOf(i, (tasks / objects) * RECORDS_PER_TASK, 0),
  }));
}

/** @param version of the object: later ones hold other records */
export function linesOf(object: number, count: number, version: number): string {
  return Array.from(
    { length: count },
    (_, i) => `${"abc"[object] ?? "z"}${String.fromCharCode(104 + version)}${String(i).padStart(2, "0")}\n`,
  ).join("");
}

export async function putInput(world: World, { key, text, gzip }: InputObject): Promise<void> {
  await world.objects.put({ bucket: INPUT, key }, gzip ? gzipSync(text) : text);
}

interface Mood {
  readonly plain: boolean;
  /** One task surely fails, at its first attempt. */
  readonly failing: boolean;
}

function fatesOf(world: World, tasks: number, { plain, failing }: Mood): Fate[] {
  const mood = failing ? 0.9 : world.random();
  const broken = failing ? world.upTo(tasks - 1) : -1;
  return Array.from({ length: tasks }, (_, i): Fate => {
    if (i === broken) return "broken";
    if (plain) return world.oneOf<Fate>("good", "good", "good", "partial", "skip");
    if (mood < 0.02) return "skip"; // an output of nothing
    if (mood < 0.45) return world.chance(0.06) ? "partial" : "good";
    if (mood < 0.8) return world.oneOf<Fate>("good", "good", "good", "good", "partial", "skip", "flaky");
    if (mood < 0.97) return world.chance(0.15) ? world.oneOf<Fate>("bad", "broken", "flaky") : "good";
    return world.chance(0.1) ? "deadly" : "good";
  });
}
