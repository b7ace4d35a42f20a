import type { ByteRange, Place } from "../../core/ports/index.ts";

/** CopySource: percent-encoded per segment, so that `+`, `%`, spaces and emoji survive S3's one decoding. */
export const copySource = ({ bucket, key }: Place): string =>
  `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;

/** HTTP's ranges include their last byte. */
export const rangeHeader = ({ from, to }: ByteRange): string => `bytes=${from}-${to - 1}`;

/**
 * A key as a listing of objects wrote it: EncodingType url alone can carry control characters through XML. Lists of uploads
 * are asked for without it: one emulator ignores it, and another says that it encoded and didn't.
 */
export const listedKey = (written: string, encoding: string | undefined): string =>
  encoding === "url" ? decodeURIComponent(written.replaceAll("+", " ")) : written;
