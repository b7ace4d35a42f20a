/**
 * publish λ: makes the delivery appear. Completes the uploads that deliver left open, renewing its claim on condition
 * before each few, so that an invocation that was superseded or called off stops at once; `_manifest.json` comes last when
 * there isn't exactly one object. An object is whole or not there; a set is whole when its manifest says so.
 */
import * as z from "zod";
import { type DeliveryEntry, type DeliveryHead, deliveryEntry, deliveryHead } from "../contracts/output-list.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { finalKey, MANIFEST_NAME, taken } from "../delivery/destination.ts";
import { readPage } from "../delivery/list-writer.ts";
import { abortGroup, recordedGroups } from "../delivery/upload-groups.ts";
import { JobJobError } from "../errors.ts";
import { noteOutcome, type StepHold, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { completeOwn, inParallel, showCrc32 } from "../merge/index.ts";
import { readJson } from "../objects/json.ts";
import type { Place, Precondition } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

/** Completions per renewal of the claim: all are done well within the time that an abort waits out. */
const COMPLETIONS_AT_ONCE = 8;

const publishCursor = z.object({ page: z.int(), index: z.int() });

const PUBLISHED: StepAnswer = { next: "finish" };

export async function publish(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const hold = await takeStepClaim(
    ctx,
    input,
    "publish",
    { in: "DOWNLOADING", ended: { state: "COMPLETE", answer: PUBLISHED } },
    ctx.settings.publishBudgetMs,
  );
  if ("next" in hold) return hold;
  const { bucket } = ctx.settings;
  const { delivery, run } = hold.job;
  if (delivery === undefined || !delivery.startsWith(`scratch/r${run}/`)) return PUBLISHED;
  const head = await readJson(ctx.objects, { bucket, key: jobPrefix(placeOf(hold)) + delivery }, deliveryHead);
  const from = hold.cursor === undefined ? { page: 0, index: 0 } : publishCursor.parse(hold.cursor);
  let { index } = from;
  let progress = false;
  for (let page = from.page; page < head.pages.length; page++) {
    const entries = await readPage(ctx.objects, bucket, head, page, deliveryEntry);
    for (; index < entries.length; index += COMPLETIONS_AT_ONCE) {
      if (progress && ctx.clock.now() >= hold.deadline) return saveCursor(ctx, hold, { page, index });
      progress = true;
      const lost = await renew(ctx, hold);
      if (lost) return lost;
      const group = entries.slice(index, index + COMPLETIONS_AT_ONCE);
      await inParallel(group, COMPLETIONS_AT_ONCE, (entry) => complete(ctx, hold, head, entry));
    }
    index = 0;
  }
  if (progress && ctx.clock.now() >= hold.deadline) return saveCursor(ctx, hold, { page: head.pages.length, index: 0 });
  const lost = await renew(ctx, hold);
  if (lost) return lost;
  if (head.count !== 1) await writeManifest(ctx, hold, head);
  await removeRecords(ctx, hold, head);
  return PUBLISHED;
}

const placeOf = ({ job }: StepHold): JobPlace => ({ owner: job.owner, jobId: job.id });

/** A conditional write. @returns the answer when it is refused: a later invocation took the claim, or the job was called off. */
async function renew(ctx: StepContext, hold: StepHold): Promise<StepAnswer | undefined> {
  const answer = await noteOutcome(ctx, hold, { set: { claim: hold.claim } }, PUBLISHED);
  return answer === PUBLISHED ? undefined : answer;
}

/** New names must be free; a later run's own object is replaced by its etag; `overwrite` replaces whatever is there. */
function preconditionOf(hold: StepHold, entry?: DeliveryEntry): Precondition {
  if (entry?.r !== undefined) return { ifMatch: entry.r };
  return hold.spec.config.overwrite ? {} : { ifNoneMatch: "*" };
}

async function complete(ctx: StepContext, hold: StepHold, head: DeliveryHead, entry: DeliveryEntry): Promise<void> {
  const place: Place = { bucket: head.bucket, key: entry.k };
  try {
    const upload = { uploadId: entry.u, etags: entry.p, bytes: entry.z };
    await completeOwn(ctx.objects, place, upload, preconditionOf(hold, entry));
  } catch (error) {
    if (!(error instanceof JobJobError)) throw error;
    if (error.code === "PRECONDITION_FAILED") throw appeared(place);
    if (error.code !== "UPLOAD_MISSING") throw error;
    throw new JobJobError({
      code: "DELIVERY_LOST",
      message: `The prepared upload of s3://${place.bucket}/${place.key} is gone (aborted by another hand or a lifecycle rule); requeue the job to deliver again.`,
      retryable: false,
      details: { bucket: place.bucket, key: place.key },
      cause: error,
    });
  }
}

const appeared = ({ bucket, key }: Place): JobJobError =>
  taken(bucket, key, "dataDestination.params.name", "appeared while the job was running");

/** Names, sizes and checksums of all objects. The next run that replaces this publication finds it by `run`. */
async function writeManifest(ctx: StepContext, hold: StepHold, head: DeliveryHead): Promise<void> {
  const lines: string[] = [];
  for (let page = 0; page < head.pages.length; page++) {
    for (const { n, z: size, c } of await readPage(ctx.objects, ctx.settings.bucket, head, page, deliveryEntry)) {
      lines.push(JSON.stringify({ name: n, size, checksum: c === null ? null : showCrc32(c) }));
    }
  }
  const opening = JSON.stringify({
    version: 1,
    jobId: hold.job.id,
    run: hold.job.run,
    complete: true,
    count: lines.length,
  });
  const body = `${opening.slice(0, -1)},"objects":[${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n`}]}\n`;
  const place = { bucket: head.bucket, key: finalKey(head, MANIFEST_NAME) };
  try {
    await ctx.objects.put(place, body, { contentType: "application/json", ...preconditionOf(hold) });
  } catch (error) {
    if (!(error instanceof JobJobError) || error.code !== "PRECONDITION_FAILED") throw error;
    // Our own, if the answer to an earlier call was lost.
    const there = new TextDecoder().decode(await ctx.objects.get(place));
    if (there !== body) throw appeared(place);
  }
}

/** All is published: uploads that no list names are aborted, and nothing is left for an abort to look at. */
async function removeRecords(ctx: StepContext, hold: StepHold, head: DeliveryHead): Promise<void> {
  for await (const { place, claim, group } of recordedGroups(ctx, placeOf(hold), hold.job.run)) {
    if (head.groups[group] !== claim) await abortGroup(ctx, place);
    await ctx.objects.delete(place.bucket, [place.key]);
  }
}
