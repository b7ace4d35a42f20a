/** Assemblers whose output is the results one after the other: concat, ndjson, csv, json. */
import { JobJobError } from "../../core/errors.ts";
import {
  type AssemblerEngine,
  type AssemblerWork,
  type CommittedResult,
  crc32,
  crc32Tail,
  type Extent,
  lengthOf,
  type PositionedSegment,
} from "../../core/merge/index.ts";
import type { Value } from "../../core/ports/index.ts";
import { placed, positionOf, text, walk } from "./positions.ts";

/** The header of a table without rows: the app's columns, from those of the input; with "\n". null when there is none. */
export type HeaderOf = (app: string, params: unknown, inputColumns: readonly string[] | null) => string | null;

const joined = (
  contentType: string,
  open: (work: AssemblerWork, at: Value | undefined) => AsyncGenerator<PositionedSegment>,
): AssemblerEngine => ({
  shape: "one",
  contentType: () => contentType,
  source: (work) => ({ open: (at) => open(work, at) }),
});

async function* concat(work: AssemblerWork, at: Value | undefined): AsyncGenerator<PositionedSegment> {
  const from = positionOf(at, { stage: "body", batch: 0, result: 0, state: null }, () => null);
  for await (const step of walk(work, from)) yield placed(step.result.extent, "body", null, step);
}

export const concatEngine: AssemblerEngine = joined("application/octet-stream", concat);
export const ndjsonEngine: AssemblerEngine = joined("application/x-ndjson", concat);

/** Remembers the header above the rows so far: "" for rows without one, null before the first row. */
async function* csv(work: AssemblerWork, at: Value | undefined, headerOf: HeaderOf): AsyncGenerator<PositionedSegment> {
  const start = { stage: "body", batch: 0, result: 0, state: null };
  const from = positionOf<string | null>(at, start, (state) => (state === null ? null : String(state)));
  let above = from.state;
  if (from.stage === "body") {
    for await (const step of walk(work, from)) {
      const { extent, header, ordinal } = step.result;
      if (lengthOf(extent) === 0) continue;
      if (above === null) yield placed(text(header ?? ""), "body", null, step);
      else if (above !== (header ?? "")) throw headersDiffer(ordinal, header ?? "", above);
      above = header ?? "";
      yield placed(extent, "body", above, step);
    }
  }
  if (above !== null) return;
  // Not from an index: which of them has a header depends on how failed tasks lay in batches.
  const header = headerOf(work.app.name, work.app.params, work.inputColumns);
  if (header !== null) yield placed(text(header), "empty", null);
}

const headersDiffer = (ordinal: number, header: string, above: string): JobJobError =>
  new JobJobError({
    code: "HEADER_DIFFERS",
    message: `Task ${ordinal} wrote rows under the header "${shown(header)}", earlier tasks under "${shown(above)}". Give all sources the same columns, or use the assembler passthrough or zip.`,
    details: { ordinal },
  });
const shown = (header: string): string => header.trimEnd().slice(0, 200);

export const csvEngine = (headerOf: HeaderOf): AssemblerEngine =>
  joined("text/csv", (work, at) => csv(work, at, headerOf));

/** Each value stands behind ",\n". Remembers whether there was one: only the very first comma is cut. */
async function* json(work: AssemblerWork, at: Value | undefined): AsyncGenerator<PositionedSegment> {
  const from = positionOf(at, { stage: "open", batch: 0, result: 0, state: false }, Boolean);
  let any = from.state;
  if (from.stage === "open") yield placed(text("["), "open", false);
  if (from.stage !== "close") {
    for await (const step of walk(work, from)) {
      const { extent } = step.result;
      if (lengthOf(extent) === 0) continue;
      yield placed(any ? extent : withoutComma(extent), "body", any, step);
      any = true;
    }
  }
  yield placed(text(any ? "\n]\n" : "]\n"), "close", any);
}

const COMMA = crc32(new TextEncoder().encode(","));

function withoutComma(extent: CommittedResult["extent"]): Extent {
  const rest = extent.to - extent.from - 1;
  return { ...extent, from: extent.from + 1, crc: crc32Tail(extent.crc, COMMA, rest) };
}

export const jsonEngine: AssemblerEngine = joined("application/json", json);
