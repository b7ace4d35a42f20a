/** Uploads of the `file` source: links to PUT to, and the word that they are done. */
import * as z from "zod";
import { ApiError, conflict, invalid, type Problem, problemsError } from "../contracts/api/errors.ts";
import type { UploadsAnswer } from "../contracts/api/records.ts";
import type { UploadsBody } from "../contracts/api/requests.ts";
import { fileName } from "../contracts/api/source.ts";
import type { DataSource, JobItem } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { byDueKeys, jobKey, specKey } from "../keys/item-keys.ts";
import { type JobPlace, uploadListPrefix, uploadPrefix } from "../keys/object-keys.ts";
import { RefusedError, type Write } from "../ports/index.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { type FoundJob, findJob } from "./find.ts";
import { asValue } from "./items.ts";
import { startExecution } from "./start.ts";
import { eventRow, LOOK_AFTER_MS } from "./transition.ts";
import { LINK_SECONDS } from "./wire.ts";

type FileSource = Extract<DataSource, { kind: "file" }>;

/** A file over this goes in parts. */
export const MULTIPART_FROM = 100 * 1_000 * 1_000;
const LEAST_PART = 64 * 1024 * 1024;
const MOST_PARTS = 2_000;
/** A link takes some 1.5 KB of an answer's 6 MB. */
const MOST_LINKS = 3_000;

/** What one call of `uploads` announced; the end of the upload is checked against all of them. */
const announced = z.array(z.object({ name: z.string(), size: z.int() }));

const placeOf = (job: JobItem): JobPlace => ({ owner: job.owner, jobId: job.id });

/** For `run`: the upload's end was announced, or the one file that is awaited is there already (a PUT appears as a whole). */
export async function isUploaded(ctx: JobContext, job: JobItem, source: FileSource): Promise<boolean> {
  if (source.uploaded || source.folder) return source.uploaded;
  return (await sizeOf(ctx, uploadPrefix(placeOf(job)) + source.name)) !== undefined;
}

async function sizeOf(ctx: JobContext, key: string): Promise<number | undefined> {
  try {
    return (await ctx.objects.head({ bucket: ctx.settings.bucket, key })).size;
  } catch (error) {
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return undefined;
    throw error;
  }
}

/**
 * Announces files and gives links for them; ends multipart uploads. The source becomes everything that is uploaded.
 * @throws ApiError 400 naming the file, 404, 409 NOT_AWAITING_UPLOAD
 */
export async function makeUploads(ctx: JobContext, edit: Edit, body: UploadsBody): Promise<UploadsAnswer> {
  const found = await findJob(ctx.table, edit.owner, edit.id);
  awaitedSource(found);
  const { job } = found;
  const prefix = uploadPrefix(placeOf(job));
  for (const [i, { name, uploadId, parts }] of (body.complete ?? []).entries()) {
    const place = { bucket: ctx.settings.bucket, key: prefix + fileName(name, `complete[${i}].name`) };
    await completeUpload(ctx, place, uploadId, parts, `complete[${i}]`);
  }
  const files = (body.files ?? []).map(({ name, size }, i) => ({ name: fileName(name, `files[${i}].name`), size }));
  checkLinks(files);
  if (files.length > 0) {
    const list = `${uploadListPrefix(placeOf(job))}${ctx.ids.ulid()}.json`;
    await ctx.objects.put({ bucket: ctx.settings.bucket, key: list }, JSON.stringify(files), {
      contentType: "application/json",
    });
    await markSource(ctx, found, { folder: true, uploaded: false });
  }
  const uploads: UploadsAnswer["uploads"] = [];
  for (const file of files) uploads.push(await linksFor(ctx, prefix, file));
  return { uploads };
}

async function completeUpload(
  ctx: JobContext,
  place: { bucket: string; key: string },
  uploadId: string,
  parts: readonly { partNumber: number; etag: string }[],
  path: string,
): Promise<void> {
  const sorted = [...parts].sort((a, b) => a.partNumber - b.partNumber);
  try {
    await ctx.objects.completeUpload(place, uploadId, sorted);
  } catch (error) {
    if (!(error instanceof JobJobError)) throw error;
    // Ended by an earlier call whose answer was lost.
    if (error.code === "UPLOAD_MISSING" && (await sizeOf(ctx, place.key)) !== undefined) return;
    if (error.code === "UPLOAD_MISSING")
      throw invalid(`${path}.uploadId`, "is no upload of this file; ask for new links");
    if (error.code === "PARTS_INVALID") throw invalid(`${path}.parts`, error.message);
    throw error;
  }
}

const partSizeOf = (size: number): number => Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS));
const linksOf = (size: number): number => (size > MULTIPART_FROM ? Math.ceil(size / partSizeOf(size)) : 1);

function checkLinks(files: readonly { name: string; size: number }[]): void {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [i, { name }] of files.entries()) {
    if (seen.has(name)) problems.push({ path: `files[${i}].name`, problem: `"${name}" is given twice` });
    seen.add(name);
  }
  if (problems.length > 0) throw problemsError("invalid", "INVALID_REQUEST", problems.slice(0, 50));
  const links = files.reduce((sum, { size }) => sum + linksOf(size), 0);
  if (links > MOST_LINKS)
    throw invalid("files", `need ${links} links, and one answer holds ${MOST_LINKS}; send fewer big files a call`);
}

async function linksFor(ctx: JobContext, prefix: string, { name, size }: { name: string; size: number }) {
  const place = { bucket: ctx.settings.bucket, key: prefix + name };
  const expiresIn = LINK_SECONDS;
  if (size <= MULTIPART_FROM) {
    const url = await ctx.objects.presignPut(place, { expiresIn });
    return { name, url, uploadId: null, partSize: null, parts: [] };
  }
  const { uploadId } = await ctx.objects.createUpload(place);
  const parts: { partNumber: number; url: string }[] = [];
  for (let partNumber = 1; partNumber <= linksOf(size); partNumber++) {
    parts.push({ partNumber, url: await ctx.objects.presignPart(place, uploadId, partNumber, { expiresIn }) });
  }
  return { name, url: null, uploadId, partSize: partSizeOf(size), parts };
}

function awaitedSource({ job, spec }: FoundJob): FileSource {
  const source = spec.dataSource;
  const awaits = job.state === "NEW" || (job.state === "STARTED" && job.waitingFor === "UPLOAD");
  if (source?.kind !== "file" || !awaits) {
    const why = source?.kind === "file" ? `it is ${job.state}` : "its source is no file";
    throw conflict(
      "NOT_AWAITING_UPLOAD",
      `The job ${job.id} takes no uploads: ${why}. Uploads belong to a NEW job with the source "file".`,
    );
  }
  return source;
}

/**
 * The upload is done: what was announced must be there. A job that waited for it starts now. Called again: fine.
 * @throws ApiError 404, 409 UPLOAD_INCOMPLETE naming what is missing, NOT_AWAITING_UPLOAD
 */
export async function completeUploads(ctx: JobContext, edit: Edit): Promise<FoundJob> {
  const found = await findJob(ctx.table, edit.owner, edit.id);
  const { job, spec } = found;
  if (spec.dataSource?.kind === "file" && job.state !== "NEW" && job.waitingFor !== "UPLOAD") {
    await startExecution(ctx, job); // the same call again, after the first one's answer was lost
    return found;
  }
  const source = awaitedSource(found);
  if (source.folder) await checkAnnounced(ctx, job);
  else if ((await sizeOf(ctx, uploadPrefix(placeOf(job)) + source.name)) === undefined) {
    throw incomplete(
      "Nothing is there yet: PUT the file to dataSource.params.tempUrl first (GET the job for a fresh link).",
      [{ path: "dataSource.params.name", problem: "is not uploaded" }],
    );
  }
  return markSource(ctx, found, { folder: source.folder, uploaded: true });
}

const incomplete = (message: string, problems: readonly Problem[]): ApiError =>
  new ApiError("conflict", "UPLOAD_INCOMPLETE", message, problems);

/** Every announced file, with its size, in as many requests as there are thousands of them. */
async function checkAnnounced(ctx: JobContext, job: JobItem): Promise<void> {
  const there = new Map<string, number>();
  const prefix = uploadPrefix(placeOf(job));
  for await (const { key, size } of objectsUnder(ctx, prefix)) there.set(key.slice(prefix.length), size);
  const problems: Problem[] = [];
  const sizes = new Map<string, number>();
  for await (const { key } of objectsUnder(ctx, uploadListPrefix(placeOf(job)))) {
    const bytes = await ctx.objects.get({ bucket: ctx.settings.bucket, key });
    for (const { name, size } of announced.parse(JSON.parse(new TextDecoder().decode(bytes)))) sizes.set(name, size);
  }
  for (const [name, size] of sizes) {
    const real = there.get(name);
    if (real === undefined) problems.push({ path: name, problem: "is not uploaded" });
    else if (real !== size) problems.push({ path: name, problem: `has ${real} bytes where ${size} were announced` });
  }
  if (problems.length > 0) {
    const first = problems[0];
    throw incomplete(
      `${problems.length} of ${sizes.size} announced files are not uploaded as announced, as ${first?.path}, which ${first?.problem}; PUT them, or announce them anew with POST …/uploads.`,
      problems.slice(0, 50),
    );
  }
}

async function* objectsUnder(ctx: JobContext, prefix: string): AsyncGenerator<{ key: string; size: number }> {
  let cursor: string | undefined;
  do {
    const page = await ctx.objects.list(ctx.settings.bucket, prefix, cursor === undefined ? {} : { cursor });
    yield* page.objects;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

const TRIES = 5;

/** Notes it in the specification; a job that waits for the upload waits no more once it is there. */
async function markSource(
  ctx: JobContext,
  first: FoundJob,
  mark: { readonly folder: boolean; readonly uploaded: boolean },
): Promise<FoundJob> {
  let found = first;
  for (let attempt = 1; ; attempt++) {
    const { job, spec } = found;
    const dataSource: FileSource = { ...awaitedSource(found), ...mark };
    const starts = mark.uploaded && job.state === "STARTED";
    try {
      await ctx.table.transact(markWrites(ctx, found, dataSource, starts));
      const { waitingFor, ...rest } = job;
      const marked: FoundJob = {
        job: starts || waitingFor === undefined ? rest : job,
        spec: { ...spec, dataSource, edits: (spec.edits ?? 0) + 1 },
      };
      if (starts) await startExecution(ctx, marked.job);
      return marked;
    } catch (error) {
      if (!(error instanceof RefusedError) || attempt === TRIES) throw error;
      found = await findJob(ctx.table, job.owner, job.id);
      // The same call beside this one was faster.
      if (mark.uploaded && found.job.state !== "NEW" && found.job.waitingFor !== "UPLOAD") return found;
    }
  }
}

function markWrites(ctx: JobContext, { job, spec }: FoundJob, dataSource: FileSource, starts: boolean): Write[] {
  const now = ctx.clock.now();
  const edits = spec.edits ?? 0;
  const asRead = {
    all: [{ eq: ["state", job.state] as const }, { eq: ["run", job.run] as const }, { missing: "deletedAt" }],
  };
  const source: Write = {
    update: specKey(job.id),
    changes: { set: { dataSource: asValue(dataSource), edits: edits + 1 } },
    if: { eq: ["edits", edits] },
  };
  if (!starts) return [{ check: jobKey(job.id), if: asRead }, source];
  return [
    {
      update: jobKey(job.id),
      changes: { set: byDueKeys(now + LOOK_AFTER_MS, job.id), remove: ["waitingFor"] },
      if: { all: [...asRead.all, { eq: ["waitingFor", "UPLOAD"] }] },
    },
    source,
    eventRow(ctx, { jobId: job.id, owner: job.owner, at: now, who: job.owner, what: "UPLOADED", run: job.run }),
  ];
}
