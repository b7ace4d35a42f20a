/**
 * A chunk of bytes of one source. Exact: the bytes [from, to). Not exact ("virtual"): the records of
 * [align(from), align(to)), where align(0) = 0 and align(x) = the first record's end at or behind x, or the size.
 */
export interface ByteChunk {
  readonly from: number;
  readonly to: number;
  readonly exact: boolean;
}
