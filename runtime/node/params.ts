import { InvalidInputError, JobJobError } from "../../core/errors.ts";
import type { ParamsParser, ParamsSchema } from "./contract.ts";

/** Checks params against a JSON Schema and answers them with its defaults; json-schema.ts has it, for those who need it. */
export type JsonSchemaCheck = (schema: object, params: unknown) => unknown;

/**
 * An app's params, checked against its schema (zod, or JSON Schema where the caller brings `checkJsonSchema`); without a
 * schema as they are.
 * @throws InvalidInputError whose path begins with `params.app`
 */
export function parseParams<P>(
  schema: ParamsSchema<P> | undefined,
  params: unknown,
  checkJsonSchema?: JsonSchemaCheck,
): P {
  if (schema === undefined) return params as P;
  if (isParser(schema)) {
    const result = schema.safeParse(params);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new InvalidInputError(
      ["params.app", ...(issue?.path ?? []).map(String)].join("."),
      issue?.message ?? "is not valid",
    );
  }
  if (checkJsonSchema) return checkJsonSchema(schema, params) as P;
  throw new JobJobError({
    code: "PARAMS_SCHEMA_UNKNOWN",
    message: "Params described by a JSON Schema can't be checked here; describe them with zod.",
  });
}

function isParser<P>(schema: ParamsSchema<P>): schema is ParamsParser<P> {
  return typeof (schema as Partial<ParamsParser<P>>).safeParse === "function";
}
