/** Where the command writes. Tests give one that collects. */
export interface Terminal {
  /** A line of the result. */
  readonly out: (line: string) => void;
  /** A line that is no result: hints, errors. */
  readonly err: (line: string) => void;
  /** Rewrites the live line at the end of stdout; "" removes it. Only with `isLive`. */
  readonly live: (line: string) => void;
  /** stdout is a terminal: progress may rewrite its line. */
  readonly isLive: boolean;
  readonly columns: number;
  readonly paint: Paint;
}

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export const plainPaint: Paint = (_colour, text) => text;
const colourPaint: Paint = (colour, text) => {
  const [on, off] = CODES[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
};

/** no-color.org: any value but "" turns colours off. */
function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0";
  return isTerminal && env.TERM !== "dumb";
}

export function processTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdout, stderr } = process;
  let live = "";
  const erase = () => {
    if (live !== "") stdout.write("\r\u001b[K");
    live = "";
  };
  return {
    isLive: stdout.isTTY === true && env.TERM !== "dumb",
    get columns() {
      return stdout.columns ?? 80;
    },
    paint: wantsColour(env, stdout.isTTY === true) ? colourPaint : plainPaint,
    out: (line) => {
      erase();
      stdout.write(`${line}\n`);
    },
    err: (line) => {
      erase();
      stderr.write(`${line}\n`);
    },
    live: (line) => {
      if (line === live) return;
      erase();
      stdout.write(line);
      live = line;
    },
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const ESCAPES = /\u001b\[[0-9;]*m/g;

/** Characters that are seen: colour codes count nothing. */
export const seenWidth = (text: string): number => text.replace(ESCAPES, "").length;

/** Cuts to so many visible characters; colour codes count nothing and stay closed. */
export function cut(text: string, width: number): string {
  if (text.replace(ESCAPES, "").length <= width) return text;
  const plain = text.replace(ESCAPES, "");
  return width <= 1 ? plain.slice(0, Math.max(0, width)) : `${plain.slice(0, width - 1)}…`;
}
