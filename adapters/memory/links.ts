import type { Place } from "../../core/ports/index.ts";
import type { StoredObject } from "./object-store.ts";

export interface LinkRequest {
  /** @default "GET" */
  readonly method?: "GET" | "PUT";
  readonly body?: Uint8Array | string;
  readonly contentType?: string;
  readonly contentDisposition?: string;
}
export interface LinkAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Backend {
  readonly now: number;
  peek(place: Place): StoredObject | undefined;
  store(
    place: Place,
    body: Uint8Array,
    headers: { readonly contentType: string | undefined; readonly contentDisposition: string | undefined },
  ): string;
  part(place: Place, uploadId: string, partNumber: number, body: Uint8Array): string;
}

/** A link of the memory store. `.invalid` never resolves, so nothing can reach out by mistake. */
export function fakeUrl(place: Place, query: Readonly<Record<string, string>>): string {
  const path = [place.bucket, ...place.key.split("/")].map((segment) => encodeURIComponent(segment)).join("/");
  return `https://memory.invalid/${path}?${new URLSearchParams(query)}`;
}

/** Answers a link as S3 would: 403 when it expired or is used with another method, 404 when nothing is there. */
export function openLink(url: string, request: LinkRequest, backend: Backend): LinkAnswer {
  const { pathname, searchParams } = new URL(url);
  const [bucket = "", ...rest] = pathname.slice(1).split("/").map(decodeURIComponent);
  const place = { bucket, key: rest.join("/") };
  const method = request.method ?? "GET";
  if (searchParams.get("method") !== method || backend.now >= Number(searchParams.get("expires"))) return answer(403);
  if (method === "GET") {
    const object = backend.peek(place);
    if (!object) return answer(404);
    const disposition = searchParams.get("disposition") ?? object.contentDisposition;
    return answer(200, object.body, {
      etag: object.etag,
      "content-length": String(object.body.length),
      ...(object.contentType === undefined ? {} : { "content-type": object.contentType }),
      ...(disposition == null ? {} : { "content-disposition": disposition }),
    });
  }
  const body =
    typeof request.body === "string" ? new TextEncoder().encode(request.body) : (request.body ?? new Uint8Array());
  const uploadId = searchParams.get("uploadId");
  const { contentType, contentDisposition } = request;
  const etag =
    uploadId === null
      ? backend.store(place, body, { contentType, contentDisposition })
      : backend.part(place, uploadId, Number(searchParams.get("partNumber")), body);
  return answer(200, new Uint8Array(), { etag });
}

const answer = (
  status: number,
  body: Uint8Array = new Uint8Array(),
  headers: Readonly<Record<string, string>> = {},
): LinkAnswer => ({
  status,
  body,
  headers,
});
