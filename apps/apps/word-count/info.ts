import * as z from "zod";
import type { AppInfo } from "../../../core/contracts/blocks.ts";

export const wordCountParams = z.strictObject({});
export const WORD_COUNT_COLUMNS = ["word", "count"] as const;

export const wordCount: AppInfo = {
  kind: "app",
  name: "word-count",
  version: "1.0",
  description:
    "Counts how often each word occurs: letters, digits and marks of any script, lower-cased; a table word,count sorted by word (byte order).",
  params: wordCountParams,
  taskSeconds: 2,
  accepts: ["records", "objects", "bytes", "nothing"],
  produces: "accumulator",
};
