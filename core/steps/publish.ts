/**
 * publish λ: makes the delivery appear. Completes the uploads that deliver left open, renewing its claim on condition
 * before each few, so that an invocation that was superseded or called off stops at once; `_manifest.json` comes last when
 * there isn't exactly one object. An object is whole or not there; a set is whole when its manifest says so.
 *
 * A later run replaces what earlier ones published: the manifest is marked incomplete first, each object is replaced on
 * condition of the etag it is known by, and in the end the job's own objects that are no longer listed are removed.
 */
import * as z from "zod";
import {
  type DeliveryEntry,
  type DeliveryHead,
  deliveryEntry,
  deliveryHead,
  listState,
  outputsIn,
  type PublishedEntry,
} from "../contracts/output-list.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { changed, finalKey, MANIFEST_NAME } from "../delivery/destination.ts";
import { ListWriter, readPage } from "../delivery/list-writer.ts";
import { hasOwnManifest, markOf, writeManifest } from "../delivery/manifest.ts";
import { loadOwnObjects, type OwnObjects, runOf } from "../delivery/own-objects.ts";
import { renew } from "../delivery/renew.ts";
import { removeStale, staleKeys } from "../delivery/stale.ts";
import { endGroup, recordedGroups } from "../delivery/upload-groups.ts";
import { JobJobError } from "../errors.ts";
import { noteOutcome, type StepHold, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { completeOwn, inParallel, showCrc32 } from "../merge/index.ts";
import { readJson } from "../objects/json.ts";
import type { Place, Precondition } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

/** Completions per renewal of the claim: all are done well within the time that an abort waits out. */
const COMPLETIONS_AT_ONCE = 8;
/** Objects that are no longer listed, looked at per renewal. */
const STALE_AT_ONCE = 100;
/** Looks at an object that isn't what it was. */
const TRIES = 3;

const publishCursor = z.object({
  page: z.int(),
  index: z.int(),
  /** What is published so far. */
  list: listState,
  /** Of those that are no longer listed, the one that comes next. */
  stale: z.int(),
});

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
  const { delivery, publication, run } = hold.job;
  if (delivery === undefined || runOf(delivery) !== run) return PUBLISHED;
  const head = await readJson(ctx.objects, { bucket, key: jobPrefix(placeOf(hold)) + delivery }, deliveryHead);
  if (publication === undefined || runOf(publication) !== run) {
    const answer = await new Publication(ctx, hold, head).run();
    if (answer !== PUBLISHED) return answer;
  }
  return removeRecords(ctx, hold, head);
}

const placeOf = ({ job }: StepHold): JobPlace => ({ owner: job.owner, jobId: job.id });

class Publication {
  readonly #ctx: StepContext;
  readonly #hold: StepHold;
  readonly #head: DeliveryHead;
  readonly #list: ListWriter<PublishedEntry>;
  readonly #manifest: Place;
  #page: number;
  #index: number;
  #stale: number;
  #progress = false;
  #own: Promise<OwnObjects> | undefined;

  constructor(ctx: StepContext, hold: StepHold, head: DeliveryHead) {
    const cursor = hold.cursor === undefined ? undefined : publishCursor.parse(hold.cursor);
    this.#ctx = ctx;
    this.#hold = hold;
    this.#head = head;
    this.#list = new ListWriter(ctx.objects, ctx.settings.bucket, `${hold.scratch}list/`, cursor?.list);
    this.#manifest = { bucket: head.bucket, key: finalKey(head, MANIFEST_NAME) };
    this.#page = cursor?.page ?? 0;
    this.#index = cursor?.index ?? 0;
    this.#stale = cursor?.stale ?? 0;
  }

  /** @returns PUBLISHED, or what ended this invocation before. */
  async run(): Promise<StepAnswer> {
    const head = this.#head;
    const replaces = head.replaces.length > 0;
    // A set stays one: its manifest is there to be read.
    const manifest =
      outputsIn(head) !== 1 ||
      (replaces && (await hasOwnManifest(this.#ctx.objects, this.#manifest, this.#hold.job.id)));
    if (manifest && replaces && this.#page === 0 && this.#index === 0) {
      const lost = await renew(this.#ctx, this.#hold);
      if (lost) return lost;
      await this.#writeManifest(markOf(this.#hold.job.id, this.#hold.job.run), false);
    }
    const ended = await this.#completeAll();
    if (ended) return ended;
    if (this.#outOfBudget()) return this.#save();
    const lost = await renew(this.#ctx, this.#hold);
    if (lost) return lost;
    if (manifest) await this.#writeManifest(await this.#manifestText(), true);
    const more = replaces ? await this.#removeStale() : undefined;
    if (more) return more;
    const key = await this.#list.end();
    const publication = key.slice(jobPrefix(placeOf(this.#hold)).length);
    return noteOutcome(this.#ctx, this.#hold, { set: { publication }, remove: ["cursor"] }, PUBLISHED);
  }

  /** @returns what ended this invocation before all were complete. */
  async #completeAll(): Promise<StepAnswer | undefined> {
    const head = this.#head;
    // The report stands beside a single object before the object does: nobody sees that one without it.
    const atOnce = outputsIn(head) === 1 ? 1 : COMPLETIONS_AT_ONCE;
    for (; this.#page < head.pages.length; this.#page++) {
      const page = await readPage(this.#ctx.objects, this.#ctx.settings.bucket, head, this.#page, deliveryEntry);
      const entries = atOnce === 1 ? [...page].reverse() : page;
      while (this.#index < entries.length) {
        if (this.#outOfBudget()) return this.#save();
        this.#progress = true;
        const lost = await renew(this.#ctx, this.#hold);
        if (lost) return lost;
        const group = entries.slice(this.#index, this.#index + atOnce);
        const etags: string[] = [];
        await inParallel(group, COMPLETIONS_AT_ONCE, async (entry, i) => {
          etags[i] = await this.#complete(entry);
        });
        for (const [i, { k, z }] of group.entries()) await this.#list.add({ k, z, e: etags[i] ?? "" });
        this.#index += group.length;
      }
      this.#index = 0;
    }
    return undefined;
  }

  #outOfBudget(): boolean {
    return this.#progress && this.#ctx.clock.now() >= this.#hold.deadline;
  }

  #save(): Promise<StepAnswer> {
    const cursor = { page: this.#page, index: this.#index, list: this.#list.state, stale: this.#stale };
    return saveCursor(this.#ctx, this.#hold, cursor);
  }

  #ownObjects(): Promise<OwnObjects> {
    this.#own ??= loadOwnObjects(this.#ctx, placeOf(this.#hold), this.#head.replaces);
    return this.#own;
  }

  /** New names must be free; an object of an earlier run is replaced by its etag; `overwrite` replaces whatever is there. */
  async #complete(entry: DeliveryEntry): Promise<string> {
    const place: Place = { bucket: this.#head.bucket, key: entry.k };
    let condition: Precondition = this.#hold.spec.config.overwrite
      ? {}
      : entry.r === undefined
        ? { ifNoneMatch: "*" }
        : { ifMatch: entry.r };
    for (let attempt = 1; ; attempt++) {
      try {
        const upload = { uploadId: entry.u, etags: entry.p, bytes: entry.z };
        return await completeOwn(this.#ctx.objects, place, upload, condition);
      } catch (error) {
        if (!(error instanceof JobJobError)) throw error;
        if (error.code === "UPLOAD_MISSING") throw lostUpload(place, error);
        if (error.code !== "PRECONDITION_FAILED") throw error;
        const ours = attempt < TRIES ? await this.#conditionNow(place) : undefined;
        if (!ours) throw changed(place);
        condition = ours;
      }
    }
  }

  /** Not what deliver saw: taken away since, or completed by a call of an earlier run that came late. Else it is another's. */
  async #conditionNow(place: Place): Promise<Precondition | undefined> {
    try {
      const { etag } = await this.#ctx.objects.head(place);
      return (await this.#ownObjects()).has(place.key, etag) ? { ifMatch: etag } : undefined;
    } catch (error) {
      if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return { ifNoneMatch: "*" };
      throw error;
    }
  }

  async #writeManifest(body: string, complete: boolean): Promise<void> {
    const { job, spec } = this.#hold;
    const { overwrite } = spec.config;
    const write = { place: this.#manifest, jobId: job.id, run: job.run, body, complete, overwrite };
    if (!(await writeManifest(this.#ctx.objects, write))) throw changed(this.#manifest);
  }

  /** Names, sizes and checksums of all objects. */
  async #manifestText(): Promise<string> {
    const head = this.#head;
    const lines: string[] = [];
    for (let page = 0; page < head.pages.length; page++) {
      const entries = await readPage(this.#ctx.objects, this.#ctx.settings.bucket, head, page, deliveryEntry);
      for (const { n, z: size, c } of entries) {
        lines.push(JSON.stringify({ name: n, size, checksum: c === null ? null : showCrc32(c) }));
      }
    }
    const { id: jobId, run } = this.#hold.job;
    const report = head.report ?? null;
    const opening = JSON.stringify({ version: 1, jobId, run, complete: true, count: lines.length, report });
    return `${opening.slice(0, -1)},"objects":[${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n`}]}\n`;
  }

  /** @returns what ended this invocation before all were removed. */
  async #removeStale(): Promise<StepAnswer | undefined> {
    const own = await this.#ownObjects();
    const listed = new Set<string>();
    for (let page = 0; page < this.#head.pages.length; page++) {
      const entries = await readPage(this.#ctx.objects, this.#ctx.settings.bucket, this.#head, page, deliveryEntry);
      for (const { k } of entries) listed.add(k);
    }
    const stale = staleKeys(own, listed);
    while (this.#stale < stale.length) {
      if (this.#outOfBudget()) return this.#save();
      this.#progress = true;
      const lost = await renew(this.#ctx, this.#hold);
      if (lost) return lost;
      const some = stale.slice(this.#stale, this.#stale + STALE_AT_ONCE);
      await removeStale(this.#ctx.objects, this.#head.bucket, some, own);
      this.#stale += some.length;
    }
    return undefined;
  }
}

const lostUpload = ({ bucket, key }: Place, cause: JobJobError): JobJobError =>
  new JobJobError({
    code: "DELIVERY_LOST",
    message: `The prepared upload of s3://${bucket}/${key} is gone (aborted by another hand or a lifecycle rule); requeue the job to deliver again.`,
    retryable: false,
    details: { bucket, key },
    cause,
  });

/** All is published: uploads that no list names are aborted, of earlier runs too, and nothing is left for an abort to look at. */
async function removeRecords(ctx: StepContext, hold: StepHold, head: DeliveryHead): Promise<StepAnswer> {
  for await (const found of recordedGroups(ctx, placeOf(hold), hold.job.run)) {
    const isPublished = found.run === hold.job.run && head.groups[found.group] === found.claim;
    if (isPublished) await ctx.objects.delete(found.place.bucket, [found.place.key]);
    else await endGroup(ctx, found, { mayAbortFound: async () => (await renew(ctx, hold)) === undefined });
  }
  return PUBLISHED;
}
