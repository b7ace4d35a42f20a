import * as z from "zod";

/** Column names: an array, or one text divided by commas ("zip_code,city"); each once. */
export const columnNames = z
  .union([z.string(), z.array(z.string())], { error: 'must be an array of column names or text such as "a,b"' })
  .transform((value) => (typeof value === "string" ? value.split(",").map((name) => name.trim()) : value))
  .check((ctx) => {
    const names = ctx.value;
    const fail = (message: string) => ctx.issues.push({ code: "custom", input: names, message });
    if (names.length === 0) fail("names no column; name at least one");
    if (names.some((name) => name === ""))
      fail('has an empty name; remove the extra comma, or use an array for names with commas, as in ["a,b","c"]');
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) fail(`names the column "${twice}" twice; name each once`);
  });
