import * as z from "zod";

/** S3 keys hold at most 1,024 bytes; the rest is left to the destination's folder. */
const MAX_NAME_BYTES = 200;

function nameProblem(name: string): string | null {
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  if (/\p{Cc}/u.test(name)) return "holds a control character";
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return 'has an empty, "." or ".." part; give a file name, or folders and a file name, as in "2026/out.csv"';
  }
  if (parts.at(-1) === "_manifest.json") return "is the name of the manifest; choose another";
  return null;
}

/** The output file's name below the destination's folder, such as `out.csv` or `2026/out.csv`. */
export const fileName = z.string().check((ctx) => {
  const problem = nameProblem(ctx.value);
  if (problem) ctx.issues.push({ code: "custom", input: ctx.value, message: `the file's name ${problem}` });
});

/** Assemblers with one output file take its name. */
export const namedOutput = (name: string) => z.strictObject({ name: fileName.default(name) });
