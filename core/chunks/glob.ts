/**
 * Globs on the keys of objects: `*` and `?` stay within a folder, `**` as a whole segment crosses any number of them, `[a-z]`
 * and `[!a-z]` are one character, `{csv,json}` are alternatives (nested too), `\` takes the next character as it is. A key
 * that begins with a dot is like any other.
 *
 * A glob becomes a small automaton, so that a match takes time in proportion to glob × key whatever the two are: regular
 * expressions made of globs can be made to run for hours.
 *
 * @example
 * globMatcher(["**\/*.{csv,json}"])("2024/01/a.csv") // true
 */
export function globMatcher(globs: readonly string[]): (key: string) => boolean {
  const machines = globs.map((glob) => machineOf(parse(glob, true)));
  return (key) => machines.some((machine) => accepts(machine, key));
}

type Test = (char: string) => boolean;
type Node = { readonly one: Test } | { readonly many: Test } | { readonly either: readonly (readonly Node[])[] };

const anything: Test = () => true;
const withinFolder: Test = (char) => char !== "/";
const exactly = (wanted: string): Node => ({ one: (char) => char === wanted });

/** @param atSegmentStart whether the text begins a segment: only there `**` crosses folders */
function parse(glob: string, atSegmentStart: boolean): readonly Node[] {
  const nodes: Node[] = [];
  let start = atSegmentStart;
  for (let i = 0; i < glob.length; ) {
    const rest = glob.slice(i);
    const piece =
      folders(rest, start) ?? stars(rest, start) ?? choice(rest) ?? alternatives(rest, start) ?? plain(rest);
    nodes.push(...piece.nodes);
    i += piece.length;
    start = piece.nodes.length > 0 && glob[i - 1] === "/";
  }
  return nodes;
}

interface Piece {
  readonly nodes: readonly Node[];
  /** UTF-16 units of the glob that it takes. */
  readonly length: number;
}

/** A whole segment `**`: none or any folders before a name; at the end, all that lies below. */
function folders(rest: string, start: boolean): Piece | undefined {
  if (!start) return undefined;
  if (rest === "**") return { nodes: [{ many: anything }], length: 2 };
  if (rest.startsWith("**/")) return { nodes: [{ either: [[], [{ many: anything }, exactly("/")]] }], length: 3 };
  return undefined;
}

/** A segment of stars alone is a name, and a name has at least one character. */
function stars(rest: string, start: boolean): Piece | undefined {
  const { length } = /^\**/.exec(rest)?.[0] ?? "";
  if (length === 0) return undefined;
  const isWhole = start && (length === rest.length || rest[length] === "/");
  const many: Node = { many: withinFolder };
  return { nodes: isWhole ? [{ one: withinFolder }, many] : [many], length };
}

/** `[…]`; without its end it is a plain bracket. */
function choice(rest: string): Piece | undefined {
  const [whole, not = "", body = ""] = /^\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]/su.exec(rest) ?? [];
  if (whole === undefined || body === "") return undefined;
  const ranges = [...body.matchAll(/(?:\\(.)|(.))(?:-(?:\\(.)|(.)))?/gsu)].map(([, a, b, c, d]): [number, number] => {
    const from = (a ?? b ?? "").codePointAt(0) ?? 0;
    return [from, (c ?? d)?.codePointAt(0) ?? from];
  });
  const one: Test = (char) => {
    const code = char.codePointAt(0) ?? 0;
    return char !== "/" && ranges.some(([from, to]) => from <= code && code <= to) === (not === "");
  };
  return { nodes: [{ one }], length: whole.length };
}

/** `{a,b}`; without a comma or its end it is a plain brace. */
function alternatives(rest: string, start: boolean): Piece | undefined {
  if (!rest.startsWith("{")) return undefined;
  const options: string[] = [];
  let depth = 0;
  let from = 1;
  for (let i = 0; i < rest.length; i++) {
    const char = rest[i];
    if (char === "\\") i++;
    else if (char === "{") depth++;
    else if (char === "," && depth === 1) {
      options.push(rest.slice(from, i));
      from = i + 1;
    } else if (char === "}" && --depth === 0) {
      if (options.length === 0) return undefined;
      options.push(rest.slice(from, i));
      return { nodes: [{ either: options.map((option) => parse(option, start)) }], length: i + 1 };
    }
  }
  return undefined;
}

function plain(rest: string): Piece {
  if (rest.startsWith("?")) return { nodes: [{ one: withinFolder }], length: 1 };
  const escaped = rest.startsWith("\\") && rest.length > 1;
  const char = String.fromCodePoint(rest.codePointAt(escaped ? 1 : 0) ?? 0);
  return { nodes: [exactly(char)], length: char.length + (escaped ? 1 : 0) };
}

/** `test` leads to `next`; `free` are reached without a character. State 0 is the end. */
interface State {
  readonly test?: Test;
  readonly next: number;
  readonly free: readonly number[];
}
interface Machine {
  readonly states: readonly State[];
  readonly first: number;
}

function machineOf(nodes: readonly Node[]): Machine {
  const states: State[] = [{ next: 0, free: [] }];
  const add = (state: State): number => states.push(state) - 1;
  const chain = (list: readonly Node[], then: number): number =>
    list.reduceRight((after, node) => {
      if ("one" in node) return add({ test: node.one, next: after, free: [] });
      if ("many" in node) return add({ test: node.many, next: states.length, free: [after] });
      return add({ next: 0, free: node.either.map((option) => chain(option, after)) });
    }, then);
  const first = chain(nodes, 0);
  return { states, first };
}

function accepts({ states, first }: Machine, key: string): boolean {
  let reached = spread(states, [first]);
  for (const char of key) {
    const next: number[] = [];
    for (const index of reached) {
      const state = states[index];
      if (state?.test?.(char)) next.push(state.next);
    }
    if (next.length === 0) return false;
    reached = spread(states, next);
  }
  return reached.has(0);
}

function spread(states: readonly State[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set(from);
  for (const index of reached) for (const free of states[index]?.free ?? []) reached.add(free);
  return reached;
}
