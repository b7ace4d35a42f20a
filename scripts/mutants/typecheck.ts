import { createHash } from "node:crypto";
import { dirname } from "node:path";
import ts from "typescript";
import { ROOT } from "../lib/paths.ts";

type Builder = ts.SemanticDiagnosticsBuilderProgram;

/** Type checks the project with one file replaced: only what the replacement can affect is looked at again. */
export class Typechecker {
  readonly #options: ts.CompilerOptions;
  readonly #roots: readonly string[];
  readonly #base: Builder;

  /** Checks the project as it stands. @throws Error when it doesn't typecheck itself */
  constructor() {
    const config = ts.findConfigFile(ROOT, ts.sys.fileExists) ?? "";
    const { config: json } = ts.readConfigFile(config, ts.sys.readFile);
    const parsed = ts.parseJsonConfigFileContent(json, ts.sys, dirname(config));
    this.#options = {
      ...parsed.options,
      noEmit: true,
      incremental: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      tsBuildInfoFile: `${ROOT}/build/none`,
    };
    this.#roots = parsed.fileNames;
    this.#base = this.#build(undefined, undefined);
    const problems = drain(this.#base);
    if (problems.length > 0)
      throw new Error(`The project itself doesn't typecheck: ${problems.slice(0, 3).join("; ")}`);
  }

  /** @returns what is wrong with the project once `file` (absolute) holds `text`. */
  check(file: string, text: string): readonly string[] {
    return drain(this.#build({ file, text }, this.#base));
  }

  #build(overlay: { readonly file: string; readonly text: string } | undefined, before: Builder | undefined): Builder {
    const host = ts.createIncrementalCompilerHost(this.#options);
    const load = host.getSourceFile.bind(host);
    host.getSourceFile = (name, ...rest) => {
      if (overlay && ts.sys.resolvePath(name) === overlay.file) {
        const source = ts.createSourceFile(name, overlay.text, rest[0]);
        return Object.assign(source, { version: createHash("sha256").update(overlay.text).digest("hex") });
      }
      const known = before?.getSourceFile(name);
      return known ?? load(name, ...rest);
    };
    return ts.createSemanticDiagnosticsBuilderProgram(this.#roots, this.#options, host, before);
  }
}

function drain(builder: Builder): string[] {
  const found: string[] = [];
  for (;;) {
    const next = builder.getSemanticDiagnosticsOfNextAffectedFile();
    if (!next) return found;
    for (const { file, messageText } of next.result) {
      found.push(`${file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
    }
  }
}
