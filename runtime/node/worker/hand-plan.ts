import type * as z from "zod";
import { parseRanges } from "../../../core/batches/ranges.ts";
import { relativeKey } from "../../../core/chunks/index.ts";
import {
  type ChunkLine,
  chunkLine,
  type SourceLine,
  sourceLine,
  type WorkSpec,
} from "../../../core/contracts/worker.ts";
import type { ChildInput, Hand } from "../../../core/contracts/workflow.ts";
import { JobJobError } from "../../../core/errors.ts";
import type { ObjectStore, Place } from "../../../core/ports/index.ts";
import type { TaskSpec } from "../messages.ts";
import type { PinnedObject } from "./window-reader.ts";

/** A task of the hand, and what it reads. */
export interface HandTask {
  /** Relative to the batch's first. */
  readonly relative: number;
  readonly spec: TaskSpec;
  readonly input:
    | {
        readonly kind: "bytes";
        readonly source: PinnedObject;
        readonly chunk: { from: number; to: number; exact: boolean };
      }
    | { readonly kind: "objects"; readonly sources: readonly PinnedObject[] }
    | { readonly kind: "none" };
}

/** The tasks in hand, in order, from the batch's lines of the chunk index and of the table of sources. */
export async function planHand(
  objects: ObjectStore,
  spec: WorkSpec,
  input: ChildInput,
  hand: Hand,
): Promise<HandTask[]> {
  const { b } = input;
  const [indexText, sourcesText] = await Promise.all([
    readLines(objects, { bucket: spec.bucket, key: spec.index }, b.index[0], b.index[1]),
    spec.sources === null || b.sources === null
      ? []
      : readLines(objects, { bucket: spec.bucket, key: spec.sources }, b.sources[1], b.sources[2]),
  ]);
  const firstSource = b.sources?.[0] ?? 0;
  const parsed = new Map<number, SourceLine>();
  const source = (number: number): SourceLine => {
    const known = parsed.get(number);
    if (known) return known;
    const line = parseLine(sourceLine, sourcesText[number - firstSource], `source ${number}`);
    parsed.set(number, line);
    return line;
  };
  const attempts = new Map<number, number>();
  for (const [attempt, ranges] of hand.attempts) {
    for (const relative of parseRanges(ranges)) attempts.set(relative, attempt);
  }
  const tasks: HandTask[] = [];
  for (const relative of parseRanges(hand.tasks)) {
    const line = parseLine(chunkLine, indexText[relative], `chunk ${b.first + relative}`);
    tasks.push(handTask(spec, relative, b.first + relative, attempts.get(relative) ?? 1, line, source));
  }
  return tasks;
}

function handTask(
  spec: WorkSpec,
  relative: number,
  ordinal: number,
  attempt: number,
  line: ChunkLine,
  source: (number: number) => SourceLine,
): HandTask {
  const none = {
    ordinal,
    attempt,
    size: 0,
    source: null,
    header: null,
    headerInside: false,
    objects: [],
    ranges: [],
    replica: null,
  };
  if ("r" in line) return { relative, spec: { ...none, ranges: line.r }, input: { kind: "none" } };
  if ("n" in line) {
    const lines = Array.from({ length: line.n }, (_, i) => source(line.s + i));
    const sources = lines.map(pinned);
    const objects = lines.map((entry) => ({ key: shownKey(spec, entry), size: entry.z }));
    const size = objects.reduce((sum, object) => sum + object.size, 0);
    return { relative, spec: { ...none, size, objects }, input: { kind: "objects", sources } };
  }
  if ("i" in line) {
    if (line.s === undefined) return { relative, spec: { ...none, replica: line.i }, input: { kind: "none" } };
    const entry = source(line.s);
    const whole = pinned(entry);
    return {
      relative,
      spec: {
        ...none,
        size: whole.size,
        source: shownKey(spec, entry),
        headerInside: spec.input.format === "csv" && spec.input.header === true,
        replica: line.i,
      },
      input: { kind: "bytes", source: whole, chunk: { from: 0, to: whole.size, exact: true } },
    };
  }
  const found = source(line.s);
  return {
    relative,
    spec: {
      ...none,
      size: line.t - line.f,
      source: shownKey(spec, found),
      header: spec.input.format === "csv" ? (found.h ?? null) : null,
    },
    input: { kind: "bytes", source: pinned(found), chunk: { from: line.f, to: line.t, exact: line.x === 1 } },
  };
}

const shownKey = (spec: WorkSpec, { k, n }: SourceLine): string => relativeKey(spec.sourceRoot, n ?? k);
const pinned = ({ b, k, e, z: size }: SourceLine): PinnedObject => ({ bucket: b, key: k, etag: e, size });

async function readLines(objects: ObjectStore, place: Place, from: number, to: number): Promise<readonly string[]> {
  const bytes = await objects.get(place, { range: { from, to } });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").split("\n");
}

function parseLine<T>(schema: z.ZodType<T>, text: string | undefined, what: string): T {
  try {
    return schema.parse(JSON.parse(text ?? ""));
  } catch (cause) {
    throw new JobJobError({
      code: "CHUNK_INDEX_INVALID",
      message: `The line of ${what} can't be read in the job's chunk index; requeue the job with repartition.`,
      cause,
    });
  }
}
