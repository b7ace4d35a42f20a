import { Ajv } from "ajv";
import { InvalidInputError } from "../../core/errors.ts";
import type { JsonSchemaCheck } from "./params.ts";

/** A file of its own: Ajv is 107 KiB of a bundle, and built-in blocks describe their params with zod. */
export const checkJsonSchema: JsonSchemaCheck = (schema, params) => {
  const validate = new Ajv({ allErrors: false, useDefaults: true, strict: false }).compile(schema);
  const copy: unknown = structuredClone(params);
  if (validate(copy)) return copy;
  const [error] = validate.errors ?? [];
  throw new InvalidInputError(
    `params.app${(error?.instancePath ?? "").replaceAll("/", ".")}`,
    error?.message ?? "is not valid",
  );
};
