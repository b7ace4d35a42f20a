import type { OutputEntry } from "../contracts/output-list.ts";
import { JobJobError } from "../errors.ts";
import { COPY_BYTES, MAX_PART_BYTES, type MergeLimits, planParts, segmentsOf } from "../merge/index.ts";
import type { ByteRange } from "../ports/index.ts";

/** A part of a delivered object: a range of the output, all of it in one copy, or no bytes at all. */
export type CopyPart = ByteRange | "whole" | "empty";

/** The parts in which an output is copied to its destination; always the same for the same output. */
export async function copyParts(
  entry: Pick<OutputEntry, "n" | "z">,
  limits: MergeLimits,
): Promise<readonly CopyPart[]> {
  const { partBytes, partLimit, copyBytes = COPY_BYTES } = limits;
  if (entry.z === 0) return ["empty"];
  const most = Math.max(copyBytes, 2 * partBytes, Math.ceil(entry.z / partLimit));
  if (entry.z <= most) return ["whole"];
  if (most > MAX_PART_BYTES) {
    throw new JobJobError({
      code: "OUTPUT_TOO_LARGE",
      message: `The output "${entry.n}" has ${entry.z} bytes, more than one object can hold; use the assembler "passthrough".`,
    });
  }
  const extent = { bucket: "", key: entry.n, etag: "", size: entry.z, from: 0, to: entry.z };
  const parts: CopyPart[] = [];
  for await (const part of planParts(segmentsOf([extent]), { partBytes, copyBytes: most }).parts) {
    if (part.kind === "copy") parts.push({ from: part.extent.from, to: part.extent.to });
  }
  return parts;
}
