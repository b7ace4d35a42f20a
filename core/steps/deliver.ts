/**
 * deliver λ: MERGED → DOWNLOADING. Copies every output inside S3 into a multipart upload under its final name, but leaves
 * the uploads open: nothing appears before publish. Resumable behind any part. A destination that needs no copy goes
 * straight on.
 */
import * as z from "zod";
import {
  type DeliveryEntry,
  type ListHead,
  listState,
  type OutputEntry,
  outputEntry,
  outputsIn,
} from "../contracts/output-list.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { checkFree } from "../delivery/check-destination.ts";
import { type CopyPart, copyParts } from "../delivery/copy-plan.ts";
import { type Destination, destinationOf, finalKey } from "../delivery/destination.ts";
import { ListWriter, readHead, readPage } from "../delivery/list-writer.ts";
import { earlierLists, loadOwnObjects, runOf } from "../delivery/own-objects.ts";
import { renew } from "../delivery/renew.ts";
import { createGroup, endGroup, recordedGroups, uploadsOf } from "../delivery/upload-groups.ts";
import { JobJobError } from "../errors.ts";
import { noteOutcome, type StepHold, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { Flights } from "../merge/index.ts";
import type { UploadedPart } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

/** Uploads whose ids are on record in one object. */
const GROUP_UPLOADS = 50;
const PARTS_AT_ONCE = 8;

const deliverCursor = z.object({
  /** The output that comes next: page of the list, and index in it. */
  page: z.int(),
  index: z.int(),
  list: listState,
  /** Group number → the claim that made it. */
  groups: z.array(z.int()),
  /** The group under way: ids of its uploads, and the etags of the parts that each has so far. */
  open: z.object({ ids: z.array(z.string()), etags: z.array(z.array(z.string())) }).nullable(),
});
type DeliverCursor = z.infer<typeof deliverCursor>;

const DELIVERED: StepAnswer = { next: "publish" };

export async function deliver(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const hold = await takeStepClaim(ctx, input, "deliver", { enter: "MERGED", in: "DOWNLOADING" });
  if ("next" in hold) return hold;
  const destination = destinationOf(hold.spec.dataDestination);
  if (!destination || isDelivered(hold)) return DELIVERED;
  const cursor = hold.cursor === undefined ? undefined : deliverCursor.parse(hold.cursor);
  await removeLeftovers(ctx, hold, cursor);
  try {
    return await new Delivery(ctx, hold, destination, cursor).run();
  } catch (error) {
    if (!isOutputGone(ctx, hold, error)) throw error;
    // The next run merges again.
    await noteOutcome(ctx, hold, { set: { purged: true } }, DELIVERED);
    throw new JobJobError({
      code: "RESULTS_EXPIRED",
      message:
        "The merged output is gone from the deployment's bucket (deleted by another hand?); requeue the job: it merges the task results again.",
      details: error.details ?? {},
      cause: error,
    });
  }
}

const isOutputGone = (ctx: StepContext, hold: StepHold, error: unknown): error is JobJobError => {
  if (!(error instanceof JobJobError) || error.code !== "OBJECT_MISSING") return false;
  const { bucket, key } = error.details ?? {};
  return bucket === ctx.settings.bucket && typeof key === "string" && key.startsWith(jobPrefix(placeOf(hold)));
};

const placeOf = ({ job }: StepHold): JobPlace => ({ owner: job.owner, jobId: job.id });

/** The answer of an earlier call of this run was lost. */
const isDelivered = ({ job }: StepHold): boolean => job.delivery !== undefined && runOf(job.delivery) === job.run;

/**
 * Uploads of an invocation that died or was superseded before its cursor was saved belong to nobody, and those of earlier runs
 * must be gone before anybody looks what these published: then no late call of theirs can publish anything more.
 */
async function removeLeftovers(ctx: StepContext, hold: StepHold, cursor: DeliverCursor | undefined): Promise<void> {
  const place = placeOf(hold);
  let kept: Promise<ReadonlySet<string>> | undefined;
  const keep = () => {
    kept ??= inUse(ctx, hold, cursor);
    return kept;
  };
  for await (const found of recordedGroups(ctx, place, hold.job.run)) {
    if (found.run === hold.job.run) {
      // A later claim's are none of ours: then we are the superseded one.
      if (found.claim >= hold.claim || cursor?.groups[found.group] === found.claim) continue;
    }
    await endGroup(ctx, found, { mayAbortFound: async () => (await renew(ctx, hold)) === undefined, keep });
  }
}

/** The uploads that this delivery goes on with. */
async function inUse(
  ctx: StepContext,
  hold: StepHold,
  cursor: DeliverCursor | undefined,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const [group, claim] of (cursor?.groups ?? []).entries()) {
    for (const id of await uploadsOf(ctx, { ...placeOf(hold), run: hold.job.run, claim }, group)) ids.add(id);
  }
  return ids;
}

class Delivery {
  readonly #ctx: StepContext;
  readonly #hold: StepHold;
  readonly #destination: Destination;
  readonly #list: ListWriter<DeliveryEntry>;
  readonly #groups: number[];
  #earlier: { readonly lists: readonly string[]; readonly there: ReadonlyMap<string, string> } = {
    lists: [],
    there: new Map(),
  };
  #page: number;
  #index: number;
  #open: DeliverCursor["open"];
  #progress = false;

  constructor(ctx: StepContext, hold: StepHold, destination: Destination, cursor: DeliverCursor | undefined) {
    this.#ctx = ctx;
    this.#hold = hold;
    this.#destination = destination;
    this.#list = new ListWriter(ctx.objects, ctx.settings.bucket, `${hold.scratch}list/`, cursor?.list);
    this.#groups = [...(cursor?.groups ?? [])];
    this.#page = cursor?.page ?? 0;
    this.#index = cursor?.index ?? 0;
    this.#open = cursor?.open ?? null;
  }

  async run(): Promise<StepAnswer> {
    const { objects, settings } = this.#ctx;
    const { job } = this.#hold;
    if (job.output === undefined) {
      throw new JobJobError({
        code: "JOB_INCOMPLETE",
        message: "The job names no output to deliver; requeue it to merge again.",
      });
    }
    const head = await readHead(objects, { bucket: settings.bucket, key: jobPrefix(placeOf(this.#hold)) + job.output });
    this.#earlier = await this.#lookAround(head);
    for (; this.#page < head.pages.length; this.#page++) {
      const entries = await readPage(objects, settings.bucket, head, this.#page, outputEntry);
      while (this.#index < entries.length) {
        const group = entries.slice(this.#index, this.#index + GROUP_UPLOADS);
        const stopped = await this.#copyGroup(group);
        if (stopped) return stopped;
        this.#index += group.length;
      }
      this.#index = 0;
    }
    const { bucket, folder } = this.#destination;
    const replaces = this.#earlier.lists;
    const report = head.report === undefined ? {} : { report: head.report };
    const key = await this.#list.end({ ...report, bucket, folder, groups: this.#groups, replaces });
    const delivery = key.slice(jobPrefix(placeOf(this.#hold)).length);
    return noteOutcome(this.#ctx, this.#hold, { set: { delivery }, remove: ["cursor"] }, DELIVERED);
  }

  #stop(): Promise<StepAnswer> {
    const cursor: DeliverCursor = {
      page: this.#page,
      index: this.#index,
      list: this.#list.state,
      groups: this.#groups,
      open: this.#open,
    };
    return saveCursor(this.#ctx, this.#hold, cursor);
  }

  /** What earlier runs left at the destination. @throws JobJobError DESTINATION_TAKEN when anybody else's object is there */
  async #lookAround(head: ListHead) {
    const { job, spec } = this.#hold;
    const lists = await earlierLists(this.#ctx, job, job.run);
    const none = new Map<string, string>();
    // Another's that came later than the first look is publish's to refuse.
    const isLooked = this.#groups.length > 0 && lists.length === 0;
    if (spec.config.overwrite || isLooked) return { lists, there: none };
    const own = lists.length === 0 ? null : await loadOwnObjects(this.#ctx, placeOf(this.#hold), lists);
    let names: string[] | null = null;
    if (outputsIn(head) === 1) {
      const entries = await readPage(this.#ctx.objects, this.#ctx.settings.bucket, head, 0, outputEntry);
      names = entries.map(({ n }) => n);
    }
    return { lists, there: await checkFree(this.#ctx, this.#destination, names, own) };
  }

  /** @returns the answer when the budget is used up before the group is complete, or the claim is lost. */
  async #copyGroup(group: readonly OutputEntry[]): Promise<StepAnswer | undefined> {
    if (this.#outOfBudget()) return this.#stop();
    if (!this.#open) {
      const lost = await renew(this.#ctx, this.#hold);
      if (lost) return lost;
    }
    const open = this.#open ?? (await this.#begin(group));
    this.#open = open;
    if (!(await this.#copyParts(group, open))) return this.#stop();
    for (const [i, { n, z, c }] of group.entries()) {
      const [u = "", p = []] = [open.ids[i], open.etags[i]];
      const k = finalKey(this.#destination, n);
      const r = this.#earlier.there.get(k);
      await this.#list.add({ n, k, z, c, u, p, ...(r === undefined ? {} : { r }) });
    }
    this.#open = null;
    return undefined;
  }

  /** @returns false when the budget was used up before the last part. */
  async #copyParts(group: readonly OutputEntry[], open: NonNullable<DeliverCursor["open"]>): Promise<boolean> {
    const flights = new Flights(PARTS_AT_ONCE);
    try {
      for (const [i, entry] of group.entries()) {
        const etags = open.etags[i] ?? [];
        const parts = await copyParts(entry, this.#ctx.settings);
        for (const [n, part] of parts.entries()) {
          if (n < etags.length) continue;
          if (this.#outOfBudget()) {
            await flights.landed();
            return false;
          }
          this.#progress = true;
          etags.push("");
          await flights.start(async () => {
            etags[n] = (await this.#copyPart(entry, open.ids[i] ?? "", n + 1, part)).etag;
          });
        }
      }
      await flights.landed();
      return true;
    } finally {
      await flights.settled();
    }
  }

  #outOfBudget(): boolean {
    return this.#progress && this.#ctx.clock.now() >= this.#hold.deadline;
  }

  async #begin(group: readonly OutputEntry[]): Promise<NonNullable<DeliverCursor["open"]>> {
    const { claim, job } = this.#hold;
    const uploads = group.map(({ n, t }) => ({
      bucket: this.#destination.bucket,
      key: finalKey(this.#destination, n),
      contentType: t,
    }));
    const number = this.#groups.push(claim) - 1;
    const ids = await createGroup(this.#ctx, { ...placeOf(this.#hold), run: job.run, claim }, number, uploads);
    return { ids, etags: group.map(() => []) };
  }

  #copyPart(entry: OutputEntry, uploadId: string, partNumber: number, part: CopyPart): Promise<UploadedPart> {
    const place = { bucket: this.#destination.bucket, key: finalKey(this.#destination, entry.n) };
    if (part === "empty") return this.#ctx.objects.uploadPart(place, uploadId, partNumber, new Uint8Array());
    return this.#ctx.objects.uploadPartCopy(place, uploadId, partNumber, {
      bucket: this.#ctx.settings.bucket,
      key: entry.k,
      etag: entry.e,
      ...(part === "whole" ? {} : { range: part }),
    });
  }
}
