import type { DataDestination } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import type { Place } from "../ports/index.ts";

export const MANIFEST_NAME = "_manifest.json";
/** What tolerated failures left out, of a set. */
const REPORT_NAME = "_incomplete.ndjson";
const MAX_KEY_BYTES = 1_024;

export interface Destination {
  readonly bucket: string;
  /** "" or ends in "/". */
  readonly folder: string;
}

/** Where objects are to be copied to; null for destinations that need no copy (`bucket`, `bypass`, none). */
export function destinationOf(destination: DataDestination | null): Destination | null {
  if (destination?.kind !== "s3") return null;
  const name = destination.name.replace(/^\//, "");
  return { bucket: destination.bucket, folder: name === "" || name.endsWith("/") ? name : `${name}/` };
}

/** The report's name beside a single output, so that several jobs can deliver into one folder; null: beside a set. */
export const reportName = (output: string | null): string =>
  output === null ? REPORT_NAME : `${output}.incomplete.ndjson`;

/** @throws JobJobError DESTINATION_NOT_WRITABLE when the key is longer than S3 allows */
export function finalKey({ bucket, folder }: Destination, name: string): string {
  const key = folder + name;
  const bytes = new TextEncoder().encode(key).length;
  if (bytes <= MAX_KEY_BYTES) return key;
  throw new JobJobError({
    code: "DESTINATION_NOT_WRITABLE",
    message: `The output "${name}" would get a key of ${bytes} bytes in ${bucket}, over S3's limit of ${MAX_KEY_BYTES}; choose a shorter folder in dataDestination.params.name.`,
    details: { path: "dataDestination.params.name", bucket, key },
  });
}

/** Something else stands there than when it was looked at, and it isn't the job's own. */
export const changed = ({ bucket, key }: Place): JobJobError =>
  taken(
    bucket,
    key,
    "dataDestination.params.name",
    "appeared, or was changed by another hand, while the job was running",
  );

export const taken = (bucket: string, key: string, path: string, problem = "exists already"): JobJobError =>
  new JobJobError({
    code: "DESTINATION_TAKEN",
    message: `s3://${bucket}/${key} ${problem}. Choose another folder in dataDestination.params.name, remove it, or set config.overwrite to true.`,
    details: { path, bucket, key },
  });
