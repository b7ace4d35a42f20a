/**
 * `_manifest.json` of a delivery of several objects: written last it makes them a set, marked `complete: false` it says that
 * a set is being replaced. Only the job's own is ever replaced, and only an earlier run's, or this run's mark.
 */
import * as z from "zod";
import { JobJobError } from "../errors.ts";
import type { ObjectStore, Place } from "../ports/index.ts";

/** What a manifest of ours begins with. */
const manifestHead = z.object({ jobId: z.string(), run: z.int(), complete: z.boolean() });

export interface ManifestWrite {
  readonly place: Place;
  readonly jobId: string;
  readonly run: number;
  readonly body: string;
  /** False: the mark. */
  readonly complete: boolean;
  /** Replace whatever is there. */
  readonly overwrite: boolean;
}

export const markOf = (jobId: string, run: number): string =>
  `${JSON.stringify({ version: 1, jobId, run, complete: false })}\n`;

const TRIES = 5;

/**
 * Writes it on condition of what is there. Repeatable; a call that comes late, after a later run's, changes nothing.
 * @returns false when something that is not the job's own is there, and `overwrite` is not set
 */
export async function writeManifest(objects: ObjectStore, write: ManifestWrite): Promise<boolean> {
  const { place, body } = write;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const there = await readManifest(objects, place);
    if (there === "other" && !write.overwrite) return false;
    const ours = typeof there === "object" && there.jobId === write.jobId ? there : undefined;
    if (typeof there === "object" && !ours && !write.overwrite) return false;
    if (ours && (ours.run > write.run || (ours.run === write.run && (ours.complete || !write.complete)))) return true;
    const condition = there === "missing" ? ({ ifNoneMatch: "*" } as const) : ours ? { ifMatch: ours.etag } : {};
    try {
      await objects.put(place, body, { contentType: "application/json", ...condition });
      return true;
    } catch (error) {
      if (!(error instanceof JobJobError) || error.code !== "PRECONDITION_FAILED") throw error;
    }
  }
  return false; // it keeps changing: somebody else is writing there
}

/** Whether a manifest of this job is there. */
export async function hasOwnManifest(objects: ObjectStore, place: Place, jobId: string): Promise<boolean> {
  const there = await readManifest(objects, place);
  return typeof there === "object" && there.jobId === jobId;
}

type Found = z.infer<typeof manifestHead> & { readonly etag: string };

/** "other": something that is no manifest of any job. */
async function readManifest(objects: ObjectStore, place: Place): Promise<Found | "missing" | "other"> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      const { etag, size } = await objects.head(place);
      const bytes = await objects.get(place, { ifMatch: etag, range: { from: 0, to: Math.min(size, HEAD_BYTES) } });
      return foundIn(new TextDecoder().decode(bytes), etag);
    } catch (error) {
      if (!(error instanceof JobJobError)) throw error;
      if (error.code === "OBJECT_MISSING") return "missing";
      if (error.code !== "PRECONDITION_FAILED") throw error; // changed in between: look again
    }
  }
  return "other";
}

/** All that stands before the list of objects; a manifest of many objects may have gigabytes. */
const HEAD_BYTES = 1_000;

function foundIn(text: string, etag: string): Found | "other" {
  const at = text.indexOf(',"objects":[');
  try {
    const parsed = manifestHead.safeParse(JSON.parse(at < 0 ? text : `${text.slice(0, at)}}`));
    return parsed.success ? { ...parsed.data, etag } : "other";
  } catch (error) {
    if (error instanceof SyntaxError) return "other"; // no JSON: not one of ours
    throw error;
  }
}
