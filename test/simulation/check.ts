/** What must hold when everything has come to rest: I1, I6, I7, I8, I10. */
import type { Item } from "../../core/ports/index.ts";
import { isTerminal, type JobState } from "../../core/states/job-states.ts";
import { isCompleted } from "../../core/states/task-states.ts";
import { STEPS } from "./callers.ts";
import { FOLDER, type JobPlan } from "./job-plan.ts";
import { chunkRecords, outputOf } from "./records.ts";
import type { User } from "./user.ts";
import type { Watch } from "./watch.ts";
import { BUCKET, OUTPUT, OWNER, type World } from "./world.ts";

export interface Rest {
  readonly world: World;
  readonly watch: Watch;
  readonly user: User;
  readonly plan: JobPlan;
  /** Etag → text, of every version that an input object has had. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Every check, so that a failure shows all that it broke; in the order of what tells most. */
export async function checkRest(rest: Rest): Promise<readonly string[]> {
  const found: string[] = [];
  for (const check of [checkOneJob, checkEnded, checkDetours, checkNothingOpen, checkChunks, checkOutput]) {
    const problem = await check(rest);
    if (problem !== undefined) found.push(problem);
  }
  return found;
}

/** I7: one request, however often it came, made one job, and each run was asked for by one intention. */
function checkOneJob({ watch, user }: Rest): string | undefined {
  if (new Set(watch.made).size !== 1) return `I7: the same request made ${watch.made.length} jobs`;
  const intents = [...watch.runs.values()].filter((intent) => intent !== undefined && !user.repeatable.has(intent));
  if (new Set(intents).size !== intents.length) return `I7: the same request began several runs (${[...watch.runs]})`;
  return undefined;
}

/** I10: with no fault left the job ends, or stands where only a user moves it. */
function checkEnded({ watch, user, world }: Rest): string | undefined {
  const state = user.state;
  if (state !== undefined && !isTerminal(state) && state !== "PAUSED" && state !== "NEW") {
    return `I10: the job is still ${state} (wish ${watch.job?.wish}, run ${watch.job?.run}) after hours without a fault`;
  }
  const running = world.workflow.running().map(({ name }) => name);
  return running.length > 0 ? `I10: the job is ${state} and ${running.join(", ")} still runs` : undefined;
}

/** What no retry mends: the workflow itself, or a whole child of it, is gone. */
const BREAKS = [
  "execution killed from outside",
  "child lost",
  "map broke",
  "manifest unreadable",
  "function out for minutes",
] as const;
/** I10: crashes, lost answers, late and doubled calls cost retries: never the workflow, nor a further round of it. */
function checkDetours({ watch, world }: Rest): string | undefined {
  const { kinds } = world.faults;
  if (BREAKS.some((kind) => kinds.has(kind))) return undefined;
  // A step gives way to a rival call of its own; of two plans at once the later answer may name batches as the other met them.
  const { rivals } = world.faults;
  const hadRival = STEPS.some((step) => rivals.has(step));
  const detour = (rivals.has("plan") ? undefined : watch.rounds[0]) ?? (hadRival ? undefined : watch.losses[0]);
  if (detour === undefined) return undefined;
  return `I10: ${detour}, though all that went wrong (${[...kinds.keys()].join(", ")}) could be tried again`;
}

/** I10: no gate is open for a run that has ended, no upload outlives its job. */
async function checkNothingOpen({ world, watch, user }: Rest): Promise<string | undefined> {
  const open = watch.gates.filter(({ mode }) => mode === "open");
  if (open.length > 0) return `I10: the job is ${user.state} and ${open.length} gates are open`;
  if (user.state === "PAUSED") return undefined;
  for (const bucket of [BUCKET, OUTPUT]) {
    const uploads = await world.objects.listUploads(bucket, "");
    if (uploads.length > 0)
      return `I10: the job is ${user.state} and an upload to ${bucket}/${uploads[0]?.key} is under way`;
  }
  return undefined;
}

/** I1: the chunks hold every record of the source as it was, once, in order. */
function checkChunks(rest: Rest): string | undefined {
  const records = recordsOf(rest);
  if (!records) return undefined;
  const all = records.tasks.flat();
  if (all.join() !== records.input.join())
    return `I1: the chunks hold ${all.join()}, the input ${records.input.join()}`;
  return undefined;
}

/**
 * I1: each record is in the output once, or its task is listed as failed (or partial or skipped, by its own word). I8: in order,
 * whatever came first. I6: the same bytes although the job was paused.
 */
function checkOutput(rest: Rest): string | undefined {
  const { user, watch, plan, world } = rest;
  const { job } = watch;
  if (user.state !== "COMPLETE" || !job || job.purged) return undefined;
  const records = recordsOf(rest);
  const tasks = watch.tasksOf(Number(job.generation));
  const failed = tasks.filter(({ letter }) => letter === "F").length;
  if (tasks.some(({ letter }) => letter !== "F" && !isCompleted(letter)))
    return "I1: COMPLETE though tasks have not ended";
  if (failed * 100 > plan.tolerated * tasks.length)
    return `I1: COMPLETE though ${failed} of ${tasks.length} tasks failed`;
  if (Number(job.incompleteTasks) !== failed) return `I1: ${failed} tasks failed, ${job.incompleteTasks} are listed`;
  const parts = tasks.map(({ letter }, ordinal) =>
    letter === "C" || letter === "P" ? outputOf(records?.tasks[ordinal] ?? [], plan.fates[ordinal] ?? "good") : "",
  );
  const all = outputFiles(world, job, plan);
  const files = all.filter(({ name }) => !isReport(name));
  const missing = reported(all);
  const left = tasks.flatMap(({ letter }, ordinal) => (letter === "F" || letter === "P" ? [ordinal] : []));
  if (missing.join() !== left.join()) return `I1: the tasks ${left} left something out, the report lists ${missing}`;
  const expected = plan.assembler === "concat" ? [parts.join("")] : parts.filter((part) => part !== "");
  const got = files.map(({ text }) => text);
  if (got.join("|") === expected.join("|")) return undefined;
  const wasPaused = (watch.entered.get("PAUSED") ?? 0) > 0;
  const isSame = sorted(got) === sorted(expected);
  const name = isSame ? "I8" : wasPaused ? "I6" : "I1";
  return `${name}: the output is ${JSON.stringify(files)} instead of ${JSON.stringify(expected)}`;
}

const isReport = (name: string): boolean => name.endsWith("incomplete.ndjson");

/** The ordinals that the report of what is missing lists. */
function reported(files: readonly File[]): number[] {
  const report = files.find(({ name }) => isReport(name))?.text ?? "";
  const lines = report.split("\n").filter((line) => line !== "");
  return lines.slice(1).map((line) => (JSON.parse(line) as { ordinal: number }).ordinal);
}

const sorted = (texts: readonly string[]): string => texts.join("").split("\n").sort().join();

interface File {
  readonly name: string;
  readonly text: string;
}

/** In order of their names, with the report of what is missing, without the manifest. */
function outputFiles(world: World, job: Item, plan: JobPlan): File[] {
  if (plan.destination === "s3") {
    return world.objects
      .keys(OUTPUT)
      .filter((key) => key.startsWith(FOLDER) && key !== `${FOLDER}_manifest.json`)
      .map((key) => ({ name: key, text: world.objects.text({ bucket: OUTPUT, key }) ?? "" }));
  }
  const prefix = `o/${OWNER}/jobs/${job.id}/`;
  const head = readJson(world, prefix + String(job.output)) as { pages: string[] };
  const entries = head.pages.flatMap((page) => pageOf(world, page));
  return entries.map(({ n, k }) => ({ name: n, text: world.objects.text({ bucket: BUCKET, key: k }) ?? "" }));
}

function pageOf(world: World, key: string): { n: string; k: string }[] {
  const text = world.objects.text({ bucket: BUCKET, key }) ?? "";
  if (text.startsWith("[")) return JSON.parse(text);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

interface Records {
  readonly tasks: readonly (readonly string[])[];
  readonly input: readonly string[];
}

/** Task by task from the job's chunk index, at the versions that it pinned; undefined while it has none. */
function recordsOf({ world, watch, plan, versions }: Rest): Records | undefined {
  const { job } = watch;
  if (!job || job.deletedAt !== undefined || job.chunks === undefined || job.table === undefined) return undefined;
  const prefix = `o/${OWNER}/jobs/${job.id}/`;
  const chunks = readJson(world, prefix + String(job.chunks)) as { index: string; sourcesKey: string | null };
  const lines = readLines(world, chunks.index) as Record<string, unknown>[];
  if (chunks.sourcesKey === null) {
    const tasks = lines.map((line) => chunkRecords(line.r as [number, number][]));
    return { tasks, input: Array.from({ length: plan.shape.tasks * 2 }, (_, i) => `n${i + 1}`) };
  }
  const sources = readLines(world, chunks.sourcesKey) as { b: string; k: string; e: string }[];
  const texts = sources.map(({ b, k, e }) => {
    const object = world.objects.peek({ bucket: b, key: k });
    const text = versions.get(e) ?? (object?.etag === e ? world.objects.text({ bucket: b, key: k }) : undefined);
    if (text === undefined) throw new Error(`I1: ${b}/${k} never had the version ${e}`);
    return text;
  });
  const tasks = lines.map(({ s, f, t, x }) =>
    chunkRecords({ text: texts[Number(s)] ?? "", from: Number(f), to: Number(t), exact: x === 1 }),
  );
  return { tasks, input: texts.flatMap((text) => text.split("\n").filter((line) => line !== "")) };
}

const readJson = (world: World, key: string): unknown =>
  JSON.parse(world.objects.text({ bucket: BUCKET, key }) ?? "null");
const readLines = (world: World, key: string): unknown[] =>
  (world.objects.text({ bucket: BUCKET, key }) ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

export const doomedState = (plan: JobPlan, failing: number): JobState =>
  failing * 100 > plan.tolerated * plan.shape.tasks ? "FAILED" : "COMPLETE";
