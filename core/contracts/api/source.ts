/** dataSource and dataDestination: from the wire into the form the engine keeps, and back. */
import * as z from "zod";
import type { DataDestination, DataSource } from "../job-items.ts";
import { invalid, notAvailableYet, type Problem, problemsError } from "./errors.ts";
import { optional, wireObject } from "./input.ts";

const text = (most: number) => z.string("must be text").max(most, `is longer than ${most} characters`);
const sourceParams = wireObject({
  "@type": optional(text(200)),
  name: optional(text(1_024)),
  bucketName: optional(text(255)),
  cloudRegion: optional(text(64)),
  secretId: optional(text(200)),
  accessKey: optional(text(1_024)),
  secretKey: optional(text(4_096)),
  endpoint: optional(text(1_024)),
  url: optional(text(8_192)),
  username: optional(text(1_024)),
  password: optional(text(1_024)),
  /** What our own answers carry; sent back unchanged by clients that edit what they got. */
  tempUrl: optional(text(8_192)),
});
export const sourceInput = wireObject({
  dataSourceDescriptor: optional(text(64)),
  params: optional(sourceParams),
});
export type SourceInput = z.infer<typeof sourceInput>;
type Params = z.infer<typeof sourceParams>;

/** Descriptor → the kind it means, and the names its `@type` may have. */
const DESCRIPTORS: Readonly<Record<string, { readonly kind: string; readonly types: readonly string[] }>> = {
  s3: { kind: "s3", types: ["S3", "Storj"] },
  aws: { kind: "s3", types: ["S3", "Storj"] },
  gcp: { kind: "foreign", types: [] },
  storj: { kind: "foreign", types: [] },
  backblaze: { kind: "foreign", types: [] },
  wasabi: { kind: "foreign", types: [] },
  url: { kind: "foreign", types: [] },
  file: { kind: "file", types: ["LocalFile"] },
  local: { kind: "file", types: ["LocalFile"] },
  bucket: { kind: "bucket", types: ["Bucket", "S3"] },
  bypass: { kind: "bypass", types: ["Bypass"] },
};

/**
 * @returns null when the caller left it out.
 * @throws ApiError INVALID_REQUEST naming the field, NOT_AVAILABLE_YET for stores of later rounds
 */
export function readSource(input: SourceInput | undefined, path = "dataSource"): DataSource | null {
  const read = readDescriptor(input, path);
  if (!read) return null;
  const { kind, descriptor, params } = read;
  switch (kind) {
    case "s3":
      return { kind, descriptor, ...s3Place(params, path) };
    case "file":
      return {
        kind,
        descriptor,
        name: fileName(params.name ?? "input", `${path}.params.name`),
        folder: false,
        uploaded: false,
      };
    case "bypass":
      return { kind, descriptor };
    default:
      throw invalid(`${path}.dataSourceDescriptor`, `"${descriptor}" is no source; use s3, file or bypass`);
  }
}

export function readDestination(input: SourceInput | undefined, path = "dataDestination"): DataDestination | null {
  const read = readDescriptor(input, path);
  if (!read) return null;
  const { kind, descriptor, params } = read;
  switch (kind) {
    case "s3":
      return { kind, descriptor, ...s3Place(params, path) };
    case "bucket":
    case "bypass":
      return { kind, descriptor };
    default:
      throw invalid(`${path}.dataSourceDescriptor`, `"${descriptor}" is no destination; use s3, bucket or bypass`);
  }
}

function readDescriptor(input: SourceInput | undefined, path: string) {
  if (
    !input ||
    (input.dataSourceDescriptor === undefined && Object.values(input.params ?? {}).every((v) => v === undefined))
  ) {
    return null;
  }
  const descriptor = (input.dataSourceDescriptor ?? "").toLowerCase();
  const params = input.params ?? {};
  const at = `${path}.dataSourceDescriptor`;
  if (descriptor === "") throw invalid(at, "is missing; use s3, file, bucket or bypass");
  const known = Object.hasOwn(DESCRIPTORS, descriptor) ? DESCRIPTORS[descriptor] : undefined;
  if (!known) throw invalid(at, `"${descriptor}" is not known; use s3, file, bucket or bypass`);
  if (known.kind === "foreign") {
    throw notAvailableYet(`${at}: "${descriptor}"`, "Use s3 (an object of a granted bucket), file or bypass.");
  }
  checkType(params["@type"], known.types, path);
  checkSecrets(params, path);
  return { kind: known.kind, descriptor, params };
}

function checkType(type: string | undefined, known: readonly string[], path: string): void {
  const name = type === undefined ? undefined : /(?:^|[./])(\w+?)DataSource$/.exec(type)?.[1];
  if (type !== undefined && (name === undefined || !known.includes(name))) {
    throw invalid(
      `${path}.params.@type`,
      `"${type}" doesn't go with this descriptor; leave it out, or send ${known[0]}DataSource`,
    );
  }
}

/** Credentials of the caller come with the secrets of a later round; until then they are refused, not dropped and not kept. */
function checkSecrets(params: Params, path: string): void {
  const given = (["secretId", "accessKey", "secretKey", "endpoint", "username", "password"] as const).find(
    (key) => params[key] !== undefined,
  );
  if (given) {
    throw notAvailableYet(
      `${path}.params.${given}`,
      "Leave it out and let an operator grant the bucket to the deployment (context key grantedBuckets).",
    );
  }
}

function s3Place(params: Params, path: string) {
  const problems: Problem[] = [];
  const bucket = params.bucketName ?? "";
  const name = (params.name ?? "").replace(/^\/+/, "");
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    problems.push({
      path: `${path}.params.bucketName`,
      problem: bucket === "" ? "is missing" : "is no name of a bucket",
    });
  }
  if (utf8Length(name) > 1_024) problems.push({ path: `${path}.params.name`, problem: "is longer than 1,024 bytes" });
  if (problems.length > 0) throw problemsError("invalid", "INVALID_REQUEST", problems);
  return { bucket, name, ...(params.cloudRegion === undefined ? {} : { region: params.cloudRegion }) };
}

const utf8Length = (value: string): number => new TextEncoder().encode(value).length;
/** What the job's prefix takes of a key's 1,024 bytes, rounded up. */
const PREFIX_BYTES = 124;

/** The relative name of an uploaded file: no way out of the job's prefix, nothing that a shell or browser would twist. */
export function fileName(name: string, path: string): string {
  const clean = name.replace(/^\/+/, "").replace(/^(\.\/)+/, "");
  const parts = clean.split("/");
  let problem: string | undefined;
  if (clean === "" || clean.endsWith("/")) problem = "must name a file";
  else if (name.startsWith("/") && path.startsWith("files")) problem = "must be relative: drop the leading /";
  else if (parts.some((part) => part === ".." || part === "." || part === ""))
    problem = 'may hold no "..", "." or empty part';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  else if (/[\u0000-\u001f\u007f\\]/.test(clean)) problem = "may hold no control characters and no backslash";
  else if (utf8Length(clean) > 1_024 - PREFIX_BYTES) problem = `is longer than ${1_024 - PREFIX_BYTES} bytes`;
  if (problem) throw invalid(path, problem);
  return clean;
}

const TYPE = (name: string): string => `type.googleapis.com/bytenite.data_source.${name}DataSource`;

/** Every key is always present, null when unset. */
export const sourceRecord = z.strictObject({
  dataSourceDescriptor: z.string(),
  params: z.strictObject({
    "@type": z.string(),
    name: z.string().nullable(),
    bucketName: z.string().nullable(),
    cloudRegion: z.string().nullable(),
    /** file: a presigned PUT, ≤ 1 h, until the upload is complete. */
    tempUrl: z.string().nullable(),
  }),
});
export type SourceRecord = z.infer<typeof sourceRecord>;

export function sourceOut(
  source: DataSource | DataDestination | null,
  tempUrl: string | null = null,
): SourceRecord | null {
  if (!source) return null;
  const params = { name: null, bucketName: null, cloudRegion: null, tempUrl: null };
  const dataSourceDescriptor = source.descriptor;
  switch (source.kind) {
    case "s3":
      return {
        dataSourceDescriptor,
        params: {
          ...params,
          "@type": TYPE("S3"),
          name: source.name,
          bucketName: source.bucket,
          cloudRegion: source.region ?? null,
        },
      };
    case "file":
      return { dataSourceDescriptor, params: { ...params, "@type": TYPE("LocalFile"), name: source.name, tempUrl } };
    case "bucket":
      return { dataSourceDescriptor, params: { ...params, "@type": TYPE("Bucket") } };
    case "bypass":
      return { dataSourceDescriptor, params: { ...params, "@type": TYPE("Bypass") } };
  }
}
