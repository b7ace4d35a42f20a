/**
 * deliver λ: MERGED → DOWNLOADING. Copies every output inside S3 into a multipart upload under its final name, but leaves
 * the uploads open: nothing appears before publish. Resumable behind any part. A destination that needs no copy goes
 * straight on.
 */
import * as z from "zod";
import { type DeliveryEntry, listState, type OutputEntry, outputEntry } from "../contracts/output-list.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { checkFree } from "../delivery/check-destination.ts";
import { type CopyPart, copyParts } from "../delivery/copy-plan.ts";
import { type Destination, destinationOf, finalKey } from "../delivery/destination.ts";
import { ListWriter, readHead, readPage } from "../delivery/list-writer.ts";
import { abortGroup, createGroup, recordedGroups } from "../delivery/upload-groups.ts";
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
  return new Delivery(ctx, hold, destination, cursor).run();
}

const placeOf = ({ job }: StepHold): JobPlace => ({ owner: job.owner, jobId: job.id });

/** The answer of an earlier call of this run was lost. */
const isDelivered = ({ job }: StepHold): boolean => job.delivery?.startsWith(`scratch/r${job.run}/`) ?? false;

/** Uploads of an invocation that died or was superseded before its cursor was saved belong to nobody. */
async function removeLeftovers(ctx: StepContext, hold: StepHold, cursor: DeliverCursor | undefined): Promise<void> {
  for await (const { place, claim, group } of recordedGroups(ctx, placeOf(hold), hold.job.run)) {
    // A later claim's are none of ours: then we are the superseded one.
    if (claim >= hold.claim || cursor?.groups[group] === claim) continue;
    await abortGroup(ctx, place);
    await ctx.objects.delete(place.bucket, [place.key]);
  }
}

class Delivery {
  readonly #ctx: StepContext;
  readonly #hold: StepHold;
  readonly #destination: Destination;
  readonly #list: ListWriter<DeliveryEntry>;
  readonly #groups: number[];
  readonly #fresh: boolean;
  #page: number;
  #index: number;
  #open: DeliverCursor["open"];
  #progress = false;

  constructor(ctx: StepContext, hold: StepHold, destination: Destination, cursor: DeliverCursor | undefined) {
    this.#ctx = ctx;
    this.#hold = hold;
    this.#destination = destination;
    this.#list = new ListWriter(ctx.objects, ctx.settings.bucket, `${hold.scratch}list/`, cursor?.list);
    this.#fresh = cursor === undefined;
    this.#groups = [...(cursor?.groups ?? [])];
    this.#page = cursor?.page ?? 0;
    this.#index = cursor?.index ?? 0;
    this.#open = cursor?.open ?? null;
  }

  async run(): Promise<StepAnswer> {
    const { objects, settings } = this.#ctx;
    const { job, spec } = this.#hold;
    if (job.output === undefined) {
      throw new JobJobError({
        code: "JOB_INCOMPLETE",
        message: "The job names no output to deliver; requeue it to merge again.",
      });
    }
    const head = await readHead(objects, { bucket: settings.bucket, key: jobPrefix(placeOf(this.#hold)) + job.output });
    for (; this.#page < head.pages.length; this.#page++) {
      const entries = await readPage(objects, settings.bucket, head, this.#page, outputEntry);
      if (this.#fresh && this.#page === 0 && this.#index === 0 && !spec.config.overwrite) {
        await checkFree(this.#ctx, this.#destination, head.count === 1 ? (entries[0]?.n ?? null) : null);
      }
      while (this.#index < entries.length) {
        const group = entries.slice(this.#index, this.#index + GROUP_UPLOADS);
        if (!(await this.#copyGroup(group))) return this.#stop();
        this.#index += group.length;
      }
      this.#index = 0;
    }
    const { bucket, folder } = this.#destination;
    const key = await this.#list.end({ bucket, folder, groups: this.#groups });
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

  /** @returns false when the budget is used up before the group is complete. */
  async #copyGroup(group: readonly OutputEntry[]): Promise<boolean> {
    if (this.#outOfBudget()) return false;
    const open = this.#open ?? (await this.#begin(group));
    this.#open = open;
    if (!(await this.#copyParts(group, open))) return false;
    for (const [i, { n, z, c }] of group.entries()) {
      const [u = "", p = []] = [open.ids[i], open.etags[i]];
      await this.#list.add({ n, k: finalKey(this.#destination, n), z, c, u, p });
    }
    this.#open = null;
    return true;
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
