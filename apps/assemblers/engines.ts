/** The code of the built-in assemblers, for the assemble λ. */
import type { AssemblerEngine, AssemblerEngines } from "../../core/merge/index.ts";
import { tableText } from "../../runtime/node/encode.ts";
import { headerOf } from "../apps/headers.ts";
import { getReducer } from "../apps/reducers.ts";
import { assemblers } from "./index.ts";
import { concatEngine, csvEngine, jsonEngine, ndjsonEngine } from "./joined.ts";
import { reduceEngine } from "./reduce.ts";
import { zipEngine } from "./zip.ts";

const engines: Readonly<Record<string, AssemblerEngine>> = {
  passthrough: { shape: "each" },
  concat: concatEngine,
  csv: csvEngine(headerOf),
  ndjson: ndjsonEngine,
  json: jsonEngine,
  zip: zipEngine,
  zipper: zipEngine,
  reduce: reduceEngine({ reducerOf: getReducer, tableText }),
};

export const assemblerEngines: AssemblerEngines = Object.fromEntries(
  assemblers.flatMap((info) => {
    const engine = engines[info.name];
    return engine ? [[info.name, { info, engine }]] : [];
  }),
);
