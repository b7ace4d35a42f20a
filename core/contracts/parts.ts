/** Small schemas that several contracts share. */
import * as z from "zod";

export const errorData = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** How the input's records are told apart. */
export const inputFormat = z.object({
  format: z.enum(["bytes", "lines", "ndjson", "csv"]),
  /** csv: one ASCII character. */
  delimiter: z.string().length(1).optional(),
  /** csv: the source's first record holds the column names. */
  header: z.boolean().optional(),
  /** csv: `never` means chunks are cut at any newline, and workers report their edges for settle to check. */
  quotedNewlines: z.enum(["auto", "never"]).optional(),
  /** Longer records are refused, bytes. */
  maxRecordBytes: z.int().optional(),
});
export type InputFormat = z.infer<typeof inputFormat>;

/** A block pinned by `run`: a later push of the same name doesn't touch a running job. */
export const blockVersion = z.object({ name: z.string(), version: z.string(), revision: z.int() });
export type BlockVersion = z.infer<typeof blockVersion>;
