import { JobJobError } from "../errors.ts";
import type { ObjectStore } from "../ports/index.ts";
import { inParallel } from "./in-parallel.ts";
import { isLiteral, lengthOf, type Segment } from "./segment.ts";

const READS_AT_ONCE = 16;

/** The bytes of all pieces, in order: at most two parts' bytes by the planner's rules. */
export async function readPieces(objects: ObjectStore, pieces: readonly Segment[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0));
  let offset = 0;
  const placed = pieces.map((piece) => {
    const at = offset;
    offset += lengthOf(piece);
    return { piece, at };
  });
  await inParallel(placed, READS_AT_ONCE, async ({ piece, at }) => {
    if (isLiteral(piece)) return bytes.set(piece.literal, at);
    const body = await objects.get(piece, { range: { from: piece.from, to: piece.to }, ifMatch: piece.etag });
    if (body.length !== lengthOf(piece)) {
      throw new JobJobError({
        code: "RESULT_DAMAGED",
        message: `${piece.key} ends before byte ${piece.to}; run the job again with requeue "all".`,
        details: { bucket: piece.bucket, key: piece.key, from: piece.from, to: piece.to },
      });
    }
    bytes.set(body, at);
  });
  return bytes;
}
