import { fc, test } from "@fast-check/vitest";
import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { globMatcher } from "../../core/chunks/glob.ts";

/** Pieces of which another implementation and we say the same; `{}` without a comma, extglobs and negation aside. */
const piece = fc.constantFrom("a", "b", ".", "*", "?", "[ab]", "[^a]", "{a,b}", "{ab,*.b}", "/", "/**/", "é", "\\*");
const glob = fc
  .tuple(fc.constantFrom("", "**/", "*"), fc.array(piece, { minLength: 1, maxLength: 6 }))
  .map(([head, pieces]) => head + pieces.join(""))
  // Empty segments, stars that meet, and whether `a/**` is `a` itself, are read in more ways than one.
  .filter((text) => !/\/\/|^\/|\/$|\/\*\*$|\*\*[^/]|[^/]\*\*|\*\?|\?\*|\*[[{]|[\]}]\*|(^|\/)\.{1,2}(\/|$)/.test(text));
const name = fc.array(fc.constantFrom("a", "b", ".", "é", "*"), { minLength: 1, maxLength: 4 }).map((c) => c.join(""));
const key = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"))
  // Relative paths mean something to a file system's globs, not to keys.
  .filter((text) => !/(^|\/)\.{1,2}(\/|$)/.test(text));

describe("globs", () => {
  test.prop([glob, key], { numRuns: 3_000 })("mean what they mean elsewhere", (pattern, text) => {
    expect({ pattern, text, is: globMatcher([pattern])(text) }).toEqual({
      pattern,
      text,
      // Its short cuts mean something else by "*.*" than its parser.
      is: picomatch(pattern, { dot: true, fastpaths: false })(text),
    });
  });

  it.each([
    ["*.csv", ["a.csv", ".csv"], ["d/a.csv", "a.csv.gz"]],
    ["**/*.csv", ["a.csv", "d/a.csv", "d/e/a.csv"], ["a.txt"]],
    ["tmp/**", ["tmp/a", "tmp/d/a"], ["tmp", "atmp/a"]],
    ["d/**/z", ["d/z", "d/e/z", "d/e/f/z"], ["dz", "d/ez"]],
    ["2024-{01,1{1,2}}/*", ["2024-01/a", "2024-11/a", "2024-12/a"], ["2024-1/a", "2024-13/a"]],
    ["{**/a,b}", ["a", "d/a", "b"], ["d/b"]],
    ["part-[0-9].bin", ["part-7.bin"], ["part-x.bin", "part-10.bin"]],
    ["[!a]b", ["bb"], ["ab", "/b"]],
    ["50%+?\\*", ["50%+x*"], ["50%+xy"]],
    ["a{b", ["a{b"], ["ab"]],
    ["a[b", ["a[b"], ["ab"]],
    ["😀?", ["😀é"], ["😀"]],
  ])("%s", (pattern, matching, others) => {
    const matches = globMatcher([pattern]);

    expect(matching.filter((text) => !matches(text))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  it("match in time in proportion to their length, whatever they look like", () => {
    const began = process.cpuUsage(); // a machine that stalls is not a slow matcher

    expect(globMatcher([`${"*a".repeat(30)}b`])("a".repeat(1_000))).toBe(false);

    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(2_000);
  });
});
