/** Bodies of the job calls (api.md). Written by: any client. Read by: lambdas/api. */
import * as z from "zod";
import { configInput } from "./config.ts";
import { freeObject, jsonBytes, optional, unset, wireBoolean, wireInt, wireObject, wireTime } from "./input.ts";
import { sourceInput } from "./source.ts";

export const LIMITS = {
  name: 200,
  nameLeast: 4,
  description: 10_000,
  tags: 50,
  tagKey: 128,
  tagValue: 256,
  paramsBytes: 64 * 1024,
} as const;

const text = (most: number) => z.string("must be text").max(most, `is longer than ${most} characters`);
export const jobName = text(LIMITS.name).refine(
  (name) => name.trim().length >= LIMITS.nameLeast,
  `must have at least ${LIMITS.nameLeast} characters`,
);

export const tagsInput = z
  .record(
    text(LIMITS.tagKey).min(1, "a tag's name can't be empty"),
    z.preprocess((v) => (typeof v === "number" || typeof v === "boolean" ? String(v) : v), text(LIMITS.tagValue)),
    "must be an object of texts",
  )
  .refine((tags) => Object.keys(tags).length <= LIMITS.tags, `has more than ${LIMITS.tags} tags`);

/** Fields that older clients send beside the three parts; accepted and dropped. */
const legacy = {
  data: z.unknown().optional(),
  preset: z.unknown().optional(),
  schema: z.unknown().optional(),
  selectedOutputs: z.unknown().optional(),
};
export const paramsInput = wireObject({
  partitioner: optional(freeObject),
  app: optional(freeObject),
  assembler: optional(freeObject),
  ...legacy,
})
  .transform(({ partitioner, app, assembler }) => ({ partitioner, app, assembler }))
  .refine((params) => jsonBytes(params) <= LIMITS.paramsBytes, `is over ${LIMITS.paramsBytes / 1024} KB`);
export type ParamsInput = z.infer<typeof paramsInput>;

const names = z.array(text(64)).max(100, "has more than 100 entries");
export const regionsInput = wireObject({ whitelist: optional(names), blacklist: optional(names) });

export const UNDEFINED_PRIORITY = "EXECUTION_PRIORITY_UNDEFINED";
const priority = z.preprocess(
  (value) => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value),
  z.union([z.literal(UNDEFINED_PRIORITY), z.int().min(0).max(100)], `must be ${UNDEFINED_PRIORITY} or 0 to 100`),
);

export const createBody = wireObject({
  templateId: text(200).min(1, "is missing"),
  name: optional(jobName),
  description: optional(text(LIMITS.description)),
  dataSource: optional(sourceInput),
  dataDestination: optional(sourceInput),
  params: optional(paramsInput),
  config: optional(configInput),
  priority: optional(priority),
  startAt: optional(wireTime),
  regions: optional(regionsInput),
  tags: optional(tagsInput),
  /** Sent by older clients; the id is ours to give. */
  jobId: z.unknown().optional(),
});
export type CreateBody = z.infer<typeof createBody>;

export const dataSourceBody = wireObject({
  dataSource: optional(sourceInput),
  dataDestination: optional(sourceInput),
  jobId: z.unknown().optional(),
});
export type DataSourceBody = z.infer<typeof dataSourceBody>;

/** `{params: {…}}` or the params object itself. */
export const paramsBody = z.preprocess(unwrap("params"), paramsInput);
/** `{config: {…}}`, the config itself, `{}` or nothing. */
export const configBody = z.preprocess(unwrap("config"), configInput);
/** A bare JSON string or `{name}`. */
export const nameBody = z.preprocess(
  (body) => (typeof body === "string" ? { name: body } : body),
  wireObject({ name: jobName }),
);
export const tagsBody = wireObject({ tags: tagsInput });

function unwrap(field: string) {
  return (body: unknown): unknown => {
    if (typeof body !== "object" || body === null) return body;
    const { jobId: _, job_id: __, ...rest } = body as Record<string, unknown>;
    const keys = Object.keys(rest);
    return keys.length === 1 && keys[0] === field ? (unset(rest[field]) ?? {}) : rest;
  };
}

/** S3's own limit of an object. */
const MAX_OBJECT = 5 * 1024 ** 4;
export const uploadsBody = wireObject({
  files: optional(
    z
      .array(wireObject({ name: text(1_024), size: wireInt(0, MAX_OBJECT) }))
      .max(1_000, "has more than 1,000 files; send several calls"),
  ),
  /** Ends multipart uploads: their parts with the ETag that each PUT answered. */
  complete: optional(
    z
      .array(
        wireObject({
          name: text(1_024),
          uploadId: text(2_048),
          parts: z
            .array(wireObject({ partNumber: wireInt(1, 10_000), etag: text(200) }))
            .min(1)
            .max(10_000),
        }),
      )
      .max(100, "has more than 100 uploads; send several calls"),
  ),
});
export type UploadsBody = z.infer<typeof uploadsBody>;

export const CONDITIONS = ["EQ", "NE", "GT", "GTE", "LT", "LTE", "IN", "CONTAINS"] as const;
const pagination = wireObject({
  limit: optional(wireInt(1)),
  offset: optional(wireInt(0)),
  cursor: optional(text(500)),
});
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], "must be text, a number, true, false or null");
const filtersInput = z
  .array(
    wireObject({
      field: text(200),
      condition: z.preprocess(
        (value) => (typeof value === "string" ? value.replace(/^FILTER_CONDITION_/, "") : value),
        z.enum(CONDITIONS, `must be FILTER_CONDITION_ and one of ${CONDITIONS.join(", ")}`),
      ),
      value: z.union([scalar, z.array(scalar).max(100)], "must be text, a number, true, false, or a list of them"),
    }),
  )
  .max(20, "has more than 20 filters");
export const filterBody = wireObject({
  pagination: optional(pagination),
  filters: optional(filtersInput),
  orderBy: z.unknown().optional(),
});
export type FilterBody = z.infer<typeof filterBody>;
export type Filter = NonNullable<FilterBody["filters"]>[number];

/** What a requeue may select; core/control/select.ts says what each means. */
const TASK_CHOICES = ["unfinished", "failed", "partial", "all"] as const;
/** Numbers that one request may list; more are said as "all". */
const MOST_ORDINALS = 100_000;
const tasksInput = z.unknown().transform((value, ctx) => {
  const choice = TASK_CHOICES.find((one) => one === value);
  if (choice) return choice;
  const refuse = (message: string, path: (string | number)[] = []) => {
    ctx.issues.push({ code: "custom", input: value, message, path });
    return z.NEVER;
  };
  const parts = typeof value === "string" && /^\s*\d/.test(value) ? value.split(",") : value;
  if (!Array.isArray(parts)) {
    return refuse(
      `must be ${TASK_CHOICES.map((one) => `"${one}"`).join(", ")}, or a list of task numbers, as [3, 7] or "0-99,105"`,
    );
  }
  const ordinals = new Set<number>();
  for (const [i, part] of parts.entries()) {
    const [, from, to = from] = /^\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*$/.exec(String(part)) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === undefined || last < first) return refuse("must be a task's number from 0, or a range as 3-9", [i]);
    if (ordinals.size + last - first >= MOST_ORDINALS) {
      return refuse(`names more than ${MOST_ORDINALS.toLocaleString("en")} tasks; say "all", or send several requests`);
    }
    for (let n = first; n <= last; n++) ordinals.add(n);
  }
  return ordinals.size === 0 ? refuse("names no task; leave it out for what is needed") : [...ordinals];
});

const requeueFields = { tasks: optional(tasksInput), repartition: optional(wireBoolean) };
const fitsRepartition = (body: { readonly tasks?: unknown; readonly repartition?: boolean | undefined }): boolean =>
  body.repartition !== true || body.tasks === undefined || body.tasks === "all";
const REPARTITION_IS_ALL = {
  path: ["tasks"],
  message: "can't be chosen with repartition: the source is cut anew and all tasks run; leave it out",
};

/** An absent body counts as `{}`: what is needed runs. */
export const requeueBody = wireObject(requeueFields).refine(fitsRepartition, REPARTITION_IS_ALL);
export type RequeueBody = z.infer<typeof requeueBody>;

export const ACTIONS = ["abort", "pause", "resume", "requeue", "delete"] as const;
export type Action = (typeof ACTIONS)[number];
/** One of ids and filters, and never all jobs by an oversight. */
export const actionsBody = wireObject({
  action: z.enum(ACTIONS, `must be one of ${ACTIONS.join(", ")}`),
  ids: optional(
    z.array(text(64), "must be a list of ids").min(1, "names no job").max(1_000, "has more than 1,000 ids"),
  ),
  filters: optional(filtersInput.min(1, 'is empty; for all jobs filter by createdAt, GT "1970-01-01T00:00:00Z"')),
  dryRun: optional(wireBoolean),
  cursor: optional(text(500)),
  ...requeueFields,
})
  .refine(({ ids, filters }) => ids === undefined || filters === undefined, {
    path: ["filters"],
    message: "can't come with ids; give one of the two",
  })
  .refine(({ ids, filters }) => ids !== undefined || filters !== undefined, {
    path: ["ids"],
    message: "is missing; name the jobs by ids or by filters",
  })
  .refine(({ action, tasks, repartition }) => action === "requeue" || (tasks === undefined && repartition !== true), {
    path: ["action"],
    message: "must be requeue when tasks or repartition are given",
  })
  .refine(fitsRepartition, REPARTITION_IS_ALL);
export type ActionsBody = z.infer<typeof actionsBody>;

export const runningTasksBody = wireObject({
  jobsIds: optional(z.array(text(64)).max(100, "has more than 100 ids")),
  jobIds: optional(z.array(text(64)).max(100, "has more than 100 ids")),
});

export const accessTokenBody = wireObject({ apiKey: text(500).min(1, "is missing") });
export const ownerBody = wireObject({
  name: text(64).regex(
    /^[a-z0-9][a-z0-9-]{1,38}$/,
    "must be 2 to 39 lower-case letters, digits or dashes, and begin with no dash",
  ),
});
export const userBody = wireObject({ name: optional(text(200)), email: optional(text(320)) });
export const apiKeyBody = wireObject({ name: text(200).min(1, "is missing"), expiresAt: optional(wireTime) });
