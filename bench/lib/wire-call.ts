/** What one request on the wire is, and what AWS would bill for it. */

/** A request between a deployed function and the emulator. */
export interface Call {
  /** The function that sent it, as `claim`. */
  readonly from: string;
  /** `dynamodb`, `s3`, `lambda`, … */
  readonly service: string;
  /** `TransactWriteItems`, `GET object`, … */
  readonly action: string;
  /** Method and path, of DynamoDB the sort keys: for whoever looks into where the requests come from. */
  readonly detail: string;
  readonly status: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** S3's price class: `put` also for copies, lists and the calls of a multipart upload; deletes are free. */
  readonly s3?: "put" | "get" | "free";
}

/** From the request's signature, be it a header or a query. */
export function serviceOf(authorization: string | undefined, query: URLSearchParams): string {
  const credential = /Credential=([^,]+)/.exec(authorization ?? "")?.[1] ?? query.get("X-Amz-Credential") ?? "";
  return credential.split("/")[3] ?? "unsigned";
}

export interface S3Call {
  readonly action: string;
  readonly s3: "put" | "get" | "free";
}

/** Source: "Amazon S3 pricing", requests: PUT, COPY, POST, LIST · GET and all others · DELETE and CANCEL are free. */
export function s3CallOf(method: string, url: URL): S3Call {
  const [, bucket = "", ...key] = url.pathname.split("/");
  const ofObject = key.join("/") !== "";
  const has = (name: string): boolean => url.searchParams.has(name);
  if (method === "DELETE") return { action: has("uploadId") ? "AbortMultipartUpload" : "DELETE object", s3: "free" };
  if (method === "POST" && has("delete")) return { action: "DeleteObjects", s3: "free" };
  if (method === "POST" || method === "PUT") {
    const action = has("uploads")
      ? "CreateUpload"
      : has("partNumber")
        ? "Part"
        : has("uploadId")
          ? "CompleteUpload"
          : "object";
    return { action: `${method} ${action}`, s3: "put" };
  }
  if (method === "GET" && (!ofObject || has("uploadId")))
    return { action: `LIST ${bucket === "" ? "buckets" : "keys"}`, s3: "put" };
  return { action: `${method} ${ofObject ? "object" : "bucket"}`, s3: "get" };
}

/** An item in DynamoDB's own JSON. */
type WireItem = Readonly<Record<string, unknown>>;

interface Capacity {
  readonly CapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
}

interface DynamoRequest {
  readonly TransactItems?: readonly Readonly<Record<string, unknown>>[];
  readonly ConsistentRead?: boolean;
  readonly RequestItems?: Readonly<
    Record<string, { readonly ConsistentRead?: boolean; readonly Keys?: readonly unknown[] }>
  >;
}

interface DynamoAnswer {
  readonly ConsumedCapacity?: Capacity | readonly Capacity[];
  readonly Item?: WireItem;
  readonly Items?: readonly WireItem[];
  readonly Responses?: Readonly<Record<string, readonly WireItem[]>>;
}

const READS = new Set(["GetItem", "BatchGetItem", "Query", "Scan"]);
const UNIT_READ = 4_096;

/**
 * The units of a call: what ConsumedCapacity reports, and two things that the emulator leaves out of it. A refused write is
 * billed all the same (at least one unit, two an item in a transaction), and a read is billed by its size, 4 KB a unit.
 */
export function unitsOf(
  action: string,
  sent: DynamoRequest,
  status: number,
  answer: DynamoAnswer,
): { readonly writeUnits: number; readonly readUnits: number } {
  const told = [answer.ConsumedCapacity ?? []].flat() as readonly Capacity[];
  const reported = told.reduce((sum, { CapacityUnits }) => sum + (CapacityUnits ?? 0), 0);
  if (READS.has(action)) return { writeUnits: 0, readUnits: Math.max(reported, readUnitsBySize(action, sent, answer)) };
  const items = sent.TransactItems;
  if (status !== 200) return { writeUnits: items ? 2 * items.length : 1, readUnits: 0 };
  return { writeUnits: reported, readUnits: 0 };
}

function readUnitsBySize(action: string, sent: DynamoRequest, answer: DynamoAnswer): number {
  const units = (bytes: number, consistent: boolean | undefined): number =>
    Math.max(1, Math.ceil(bytes / UNIT_READ)) * (consistent ? 1 : 0.5);
  if (action === "BatchGetItem") {
    return Object.entries(sent.RequestItems ?? {}).reduce((sum, [table, { ConsistentRead, Keys = [] }]) => {
      const found = answer.Responses?.[table] ?? [];
      const missing = (Keys.length - found.length) * units(0, ConsistentRead);
      return sum + missing + found.reduce((bytes, item) => bytes + units(itemBytes(item), ConsistentRead), 0);
    }, 0);
  }
  const bytes = [...(answer.Items ?? []), ...(answer.Item ? [answer.Item] : [])].reduce(
    (sum, item) => sum + itemBytes(item),
    0,
  );
  return units(bytes, sent.ConsistentRead);
}

/** Names and values. Source: "DynamoDB item sizes and formats"; numbers by their digits, near enough. */
const itemBytes = (item: WireItem): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

function valueBytes(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  const [[type, inner] = ["NULL", true]] = Object.entries(value);
  if (type === "S") return Buffer.byteLength(String(inner));
  if (type === "N") return Math.ceil(String(inner).length / 2) + 1;
  if (type === "M") return 3 + itemBytes(inner as WireItem) + Object.keys(inner as WireItem).length;
  if (type === "L") return 3 + (inner as readonly unknown[]).reduce<number>((sum, one) => sum + 1 + valueBytes(one), 0);
  return 1;
}
