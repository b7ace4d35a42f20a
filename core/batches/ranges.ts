/** Sets of small whole numbers as text: "0-99,105". The empty set is "". */

/** @param numbers ascending, without repeats. */
export function formatRanges(numbers: Iterable<number>): string {
  const parts: string[] = [];
  let first = -1;
  let last = -1;
  const flush = () => {
    if (first >= 0) parts.push(first === last ? String(first) : `${first}-${last}`);
  };
  for (const n of numbers) {
    if (first >= 0 && n === last + 1) last = n;
    else {
      flush();
      first = n;
      last = n;
    }
  }
  flush();
  return parts.join(",");
}

/** @throws RangeError when the text is no set of ascending ranges. */
export function* parseRanges(text: string): Generator<number> {
  if (text === "") return;
  let next = 0;
  for (const part of text.split(",")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    const from = Number(match?.[1] ?? Number.NaN);
    const to = match?.[2] === undefined ? from : Number(match[2]);
    if (!(from >= next && to >= from)) throw new RangeError(`"${text}" is no ascending set of ranges, see "${part}".`);
    for (let n = from; n <= to; n++) yield n;
    next = to + 1;
  }
}
