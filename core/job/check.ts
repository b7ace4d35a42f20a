/** What a job must be before it may run, as far as it can be told without looking at its data. */
import { type Problem, problemsError, unrunnable } from "../contracts/api/errors.ts";
import { problemsOf } from "../contracts/api/input.ts";
import type { AppInfo, AssemblerInfo, PartitionerInfo } from "../contracts/blocks.ts";
import type { DataDestination, DataSource, SpecItem } from "../contracts/job-items.ts";
import { ownerPrefix } from "../keys/object-keys.ts";
import type { Settings } from "../steps/context.ts";
import type { Catalog } from "./catalog.ts";

export interface Blocks {
  readonly partitioner: PartitionerInfo;
  readonly app: AppInfo;
  readonly assembler: AssemblerInfo;
}

/** @throws ApiError 422 BLOCK_MISSING, BLOCKS_DONT_FIT */
export function findBlocks(catalog: Catalog, names: SpecItem["blocks"]): Blocks {
  const partitioner = catalog.findPartitioner(names.partitioner);
  const app = catalog.findApp(names.app);
  const assembler = catalog.findAssembler(names.assembler);
  if (!partitioner) throw missing("partitioner", names.partitioner);
  if (!app) throw missing("app", names.app);
  if (!assembler) throw missing("assembler", names.assembler);
  if (!app.accepts.includes(partitioner.cuts)) {
    throw unrunnable(
      "templateId",
      `the app ${app.name} doesn't work on the chunks of the partitioner ${partitioner.name} (${partitioner.cuts}); it takes ${app.accepts.join(" or ")}`,
      "BLOCKS_DONT_FIT",
    );
  }
  return { partitioner, app, assembler };
}

const missing = (kind: string, name: string) =>
  unrunnable("templateId", `the ${kind} ${name} doesn't exist (any more); use another template`, "BLOCK_MISSING");

const KINDS = ["partitioner", "app", "assembler"] as const;
export type Kind = (typeof KINDS)[number];

/** config.partitioningSettings are defaults for params.partitioner. */
export const paramsOf = (spec: Pick<SpecItem, "params" | "config">, kind: Kind): Record<string, unknown> =>
  kind === "partitioner" ? { ...spec.config.partitioningSettings, ...spec.params.partitioner } : spec.params[kind];

/**
 * Params against the blocks' own schemas.
 * @param kinds the parts to check: at an edit those that were given, at run all
 * @throws ApiError 422 INVALID_PARAMS with paths like `params.app.columns`
 */
export function checkParams(
  blocks: Blocks,
  spec: Pick<SpecItem, "params" | "config">,
  kinds: readonly Kind[] = KINDS,
): void {
  const problems: Problem[] = [];
  for (const kind of kinds) {
    const parsed = blocks[kind].params.safeParse(paramsOf(spec, kind));
    if (!parsed.success) problems.push(...problemsOf(parsed.error, `params.${kind}`));
  }
  if (problems.length > 0) throw problemsError("unrunnable", "INVALID_PARAMS", problems);
}

/** A region list that leaves out the deployment's own. @throws ApiError 422 REGION_EXCLUDED */
export function checkRegions(regions: SpecItem["regions"], region: string): void {
  if (!regions) return;
  const { whitelist, blacklist } = regions;
  const path =
    whitelist.length > 0 && !whitelist.includes(region) ? "whitelist" : blacklist.includes(region) ? "blacklist" : null;
  if (path) {
    throw unrunnable(
      `regions.${path}`,
      `leaves out ${region}, where this deployment runs; allow it, or use a deployment elsewhere`,
      "REGION_EXCLUDED",
    );
  }
}

/** S3 takes keys as they are, but not all that speak to it do: some resolve "..", and so it must not lead out of a prefix. */
const wanders = (name: string): boolean => name.split("/").some((part) => part === "." || part === "..");

/**
 * Whether an owner may name this place at all: a granted bucket, or the own bucket below the owner's prefix; never what the
 * engine keeps for its jobs when it would be written. Says nothing about what is there.
 * @throws ApiError 422 ACCESS_DENIED
 */
export function checkPlace(
  settings: Pick<Settings, "bucket" | "grantedBuckets">,
  owner: string,
  place: DataSource | DataDestination | null,
  field: "dataSource" | "dataDestination",
): void {
  if (place?.kind !== "s3") return;
  if (place.bucket === settings.bucket) {
    const own =
      !wanders(place.name) &&
      place.name.startsWith(ownerPrefix(owner)) &&
      (field === "dataSource" || place.name !== ownerPrefix(owner));
    const jobs = field === "dataDestination" && `${place.name}/`.startsWith(`${ownerPrefix(owner)}jobs/`);
    if (own && !jobs) return;
    const below = jobs ? `${ownerPrefix(owner)} but outside of its jobs/` : ownerPrefix(owner);
    throw unrunnable(
      `${field}.params.name`,
      `in the deployment's own bucket it must lie below ${below}`,
      field === "dataSource" ? "ACCESS_DENIED" : "DESTINATION_NOT_WRITABLE",
    );
  }
  if (!settings.grantedBuckets.includes(place.bucket)) {
    throw unrunnable(
      `${field}.params.bucketName`,
      `this deployment was granted no rights on the bucket ${place.bucket}; check the name, or let an operator add it to the context key grantedBuckets and deploy`,
      field === "dataSource" ? "ACCESS_DENIED" : "DESTINATION_NOT_WRITABLE",
    );
  }
}
