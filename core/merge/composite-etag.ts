import { createHash } from "node:crypto";

/**
 * The etag that S3 gives a multipart upload: MD5 over the parts' MD5s, and their number. So that an object that is there can
 * be recognised as one's own when the answer to its completion was lost.
 * @returns null when the parts' etags are no MD5s (objects encrypted with a customer's key).
 */
export function compositeEtag(partEtags: readonly string[]): string | null {
  const hash = createHash("md5");
  for (const etag of partEtags) {
    const hex = /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1];
    if (!hex) return null;
    hash.update(Buffer.from(hex, "hex"));
  }
  return `"${hash.digest("hex")}-${partEtags.length}"`;
}
