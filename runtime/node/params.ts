import { Ajv } from "ajv";
import { InvalidInputError } from "../../core/errors.ts";
import type { ParamsParser, ParamsSchema } from "./contract.ts";

/**
 * An app's params, checked against its schema (zod or JSON Schema); without a schema as they are.
 * @throws InvalidInputError whose path begins with `params.app`
 */
export function parseParams<P>(schema: ParamsSchema<P> | undefined, params: unknown): P {
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
  const validate = new Ajv({ allErrors: false, useDefaults: true, strict: false }).compile<P>(schema);
  const copy: unknown = structuredClone(params);
  if (validate(copy)) return copy;
  const [error] = validate.errors ?? [];
  throw new InvalidInputError(
    `params.app${(error?.instancePath ?? "").replaceAll("/", ".")}`,
    error?.message ?? "is not valid",
  );
}

function isParser<P>(schema: ParamsSchema<P>): schema is ParamsParser<P> {
  return typeof (schema as Partial<ParamsParser<P>>).safeParse === "function";
}
