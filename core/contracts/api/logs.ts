/** The body of the logs call (api.md); its answer is in records.ts. */
import * as z from "zod";
import { optional, wireObject } from "./input.ts";

export const LOG_LEVELS = ["UNKNOWN", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC"] as const;
export const LOG_SERVICES = ["partitioner", "assembler", "taskrunner"] as const;

const name = <T extends string>(names: readonly [T, ...T[]], tidy: (text: string) => string) =>
  z.preprocess(
    (value) => (typeof value === "string" ? tidy(value) : value),
    z.enum(names, `must be one of ${names.join(", ")}`),
  );

/** What is left out, or empty, means all. */
export const logsBody = wireObject({
  jobId: z.string("must be a job's id").max(64, "is longer than 64 characters"),
  /** Ordinals, as numbers or text. */
  taskIds: optional(
    z
      .array(z.union([z.int().min(0), z.string().regex(/^\d{1,9}$/)], "must be a task's number, from 0"))
      .max(1_000, "has more than 1,000 tasks; send several requests"),
  ),
  levels: optional(z.array(name(LOG_LEVELS, (text) => text.toUpperCase().replace(/^LOG_LEVEL_/, "")))),
  services: optional(z.array(name(LOG_SERVICES, (text) => text.toLowerCase()))),
});
export type LogsBody = z.infer<typeof logsBody>;
