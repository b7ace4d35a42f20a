/** Inputs of any size, made block by block from a seed: the same bytes at every run, never whole in memory. */

export interface Data {
  /** Blocks of about BLOCK_BYTES, in order. */
  blocks(): Generator<Buffer>;
}

const BLOCK_BYTES = 8 * 1024 * 1024;

/** Ends of rows to choose from: making each row anew would take longer than all that is measured. */
const ENDINGS = 4_096;

/** Rows until `bytes` are reached, each a start of its own and one of the endings; the first block begins with `head`. */
function dataOf(bytes: number, head: string, start: (n: number) => string, ending: (random: Random) => string): Data {
  return {
    *blocks() {
      const random = randomFrom(42);
      const endings = Array.from({ length: ENDINGS }, () => ending(random));
      let made = 0;
      let n = 0;
      let text = head;
      while (made < bytes) {
        const wanted = Math.min(BLOCK_BYTES, bytes - made);
        while (text.length < wanted) text += start(n++) + endings[Math.floor(random() * ENDINGS)];
        const block = Buffer.from(text);
        made += block.length;
        text = "";
        yield block;
      }
    },
  };
}

type Random = () => number;
const WORDS = "amber basalt cobalt dune ember fjord granite harbour island jasper kelp lagoon mesa north".split(" ");
const STATES = ["CA", "NY", "TX", "WA", "FL"];
const pick = (list: readonly string[], random: Random): string => list[Math.floor(random() * list.length)] ?? "";

/**
 * A CSV as JobJob itself would write it, so that selecting all of it gives the same bytes: quoted fields with newlines,
 * doubled quotes and commas, multi-byte text, no field quoted without need.
 */
export const csvData = (bytes: number): Data =>
  csvRows(bytes, (random) => {
    const word = pick(WORDS, random);
    return random() < 0.2
      ? `"${word}, said ""${pick(WORDS, random)}""\nand went on: ${word}"`
      : foreignNote(word, random);
  });

/** A CSV without a quote: in ASCII, or with multi-byte text in every row. */
export const plainCsvData = (bytes: number, text: "ascii" | "foreign"): Data =>
  csvRows(bytes, (random) => {
    const word = pick(WORDS, random);
    return text === "foreign"
      ? foreignNote(word, random)
      : `${word} ${Array.from({ length: 4 }, () => pick(WORDS, random)).join(" ")}`;
  });

const foreignNote = (word: string, random: Random): string =>
  `${word} Größe ${pick(WORDS, random)} ${pick(WORDS, random)} 日本 ${pick(WORDS, random)}`;

const csvRows = (bytes: number, note: (random: Random) => string): Data =>
  dataOf(
    bytes,
    "id,state,note,amount\n",
    (n) => `${n},`,
    (random) => {
      const text = note(random);
      return `${pick(STATES, random)},${text},${(random() * 1_000).toFixed(2)}\n`;
    },
  );

/** Each line a small object, as JSON.stringify writes it. */
export const ndjsonData = (bytes: number): Data =>
  dataOf(
    bytes,
    "",
    (n) => `{"id":${n},`,
    (random) => {
      const rest = { state: pick(STATES, random), note: `${pick(WORDS, random)}\n${pick(WORDS, random)} 日本` };
      return `${JSON.stringify(rest).slice(1)}\n`;
    },
  );

/** Lines of plain words. */
export const linesData = (bytes: number): Data =>
  dataOf(
    bytes,
    "",
    () => "",
    (random) => `${Array.from({ length: 12 }, () => pick(WORDS, random)).join(" ")}\n`,
  );

/** mulberry32: small, fast, good enough to vary rows. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
