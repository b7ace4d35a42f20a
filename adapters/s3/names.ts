import type { ByteRange, Place } from "../../core/ports/index.ts";

/** CopySource: percent-encoded per segment, so that `+`, `%`, spaces and emoji survive S3's one decoding. */
export const copySource = ({ bucket, key }: Place): string =>
  `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;

/** HTTP's ranges include their last byte. */
export const rangeHeader = ({ from, to }: ByteRange): string => `bytes=${from}-${to - 1}`;

/** A key of a listing with EncodingType url, which alone can carry control characters through XML. */
export const listedKey = (encoded: string): string => decodeURIComponent(encoded.replaceAll("+", " "));
