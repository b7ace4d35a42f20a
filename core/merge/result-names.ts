import { JobJobError } from "../errors.ts";
import type { CommittedResult } from "./results.ts";

/**
 * The name of a result among those of all tasks: `<zero-padded ordinal>_<name>`, unique and in task order when sorted by
 * name. What could lead out of a folder (`..`, a leading `/`, `\`) or confuse a terminal becomes `_`.
 */
export function resultName(result: Pick<CommittedResult, "ordinal" | "name">, tasks: number): string {
  const width = String(Math.max(0, tasks - 1)).length;
  const name = result.name
    .replace(/[\p{Cc}\\]/gu, "_")
    .split("/")
    .map((part) => (part === "" || part === "." || part === ".." ? "_" : part))
    .join("/");
  return `${String(result.ordinal).padStart(width, "0")}_${name}`;
}

/** Refuses two results of one task under one name: one would replace the other. Results come in task order. */
export class UniqueNames {
  #ordinal = -1;
  #names = new Set<string>();
  check(ordinal: number, name: string): void {
    if (ordinal !== this.#ordinal) {
      this.#ordinal = ordinal;
      this.#names = new Set();
    }
    if (this.#names.has(name)) {
      throw new JobJobError({
        code: "RESULT_NAMES_COLLIDE",
        message: `Task ${ordinal} wrote two results that would both be called "${name}"; give them different names in the app.`,
        details: { ordinal, name },
      });
    }
    this.#names.add(name);
  }
}
