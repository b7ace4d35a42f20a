import { JobJobError } from "../../core/errors.ts";
import type { Reducer } from "../../runtime/node/contract.ts";
import { bindReducer } from "../../runtime/node/reducer.ts";
import { groupByApp } from "./group-by/app.ts";
import { wordCountApp } from "./word-count/app.ts";

/** The built-in reducers, for the `reduce` assembler. @throws JobJobError NOT_A_REDUCER; InvalidInputError for bad params */
export function getReducer(appName: string, params: unknown): Reducer {
  if (appName === "group-by") return bindReducer(groupByApp, params);
  if (appName === "word-count") return bindReducer(wordCountApp, params);
  throw new JobJobError({
    code: "NOT_A_REDUCER",
    message: `The app "${appName}" is no reducer, and the assembler reduce needs one; use group-by or word-count, or another assembler.`,
  });
}
