/** The input of (d): a CSV with everything that makes splitting hard. The same seed gives the same bytes. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

const SEED = 20_260_301;
export const QUOTED_CSV_BYTES = 20 * 1_000 * 1_000;

const WORDS = [
  "record",
  "naïve",
  "Größe",
  "東京",
  "данные",
  "chunk",
  "emoji 🐦",
  'said "no"',
  "a,b,c",
  "line one\nline two",
  "crlf\r\ninside",
  '"',
  ",",
  "\n",
  'quote at the end"',
  '"quote in front',
  " blank around ",
  "plain",
] as const;

/** mulberry32: 32 bits of state, enough for test data. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Records as text, header first, at least so many bytes in all. */
export function* quotedCsv(bytes: number, seed = SEED): Generator<string> {
  const next = random(seed);
  const pick = (): string => WORDS[Math.floor(next() * WORDS.length)] ?? "plain";
  let written = 0;
  for (let id = 0; written < bytes; id++) {
    const note = Array.from({ length: 1 + Math.floor(next() * 6) }, pick).join(" ");
    // Now and then a long one: lines inside of quotes look like records to whoever cuts there.
    const long = next() < 0.002 ? "\n1,looks like,a record".repeat(200) : "";
    const cells =
      id === 0 ? ["id", "title", "note", "amount"] : [String(id), pick(), note + long, (next() * 1e6).toFixed(2)];
    const line = `${cells.map((cell) => quoted(cell, next())).join(",")}\n`;
    written += Buffer.byteLength(line);
    yield line;
  }
}

/** Quoted where it must be, and sometimes where it needn't. */
function quoted(cell: string, chance: number): string {
  return /[",\r\n]/.test(cell) || chance < 0.1 ? `"${cell.replaceAll('"', '""')}"` : cell;
}

export async function writeQuotedCsv(path: string, bytes = QUOTED_CSV_BYTES): Promise<void> {
  const file = createWriteStream(path);
  for (const line of quotedCsv(bytes)) if (!file.write(line)) await once(file, "drain");
  file.end();
  await finished(file);
}
