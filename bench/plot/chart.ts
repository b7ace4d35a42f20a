/**
 * A chart of lines and points as SVG, without a library: what a reader needs to see a shape and read a value, and no more.
 * Its colours stand on a light and on a dark page; the text follows the reader's scheme.
 */
import { type Axis, type AxisOptions, axisOf, tickText } from "./axis.ts";

export interface Series {
  readonly name: string;
  readonly kind: "line" | "points" | "dashed";
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: AxisOptions;
  readonly y: AxisOptions;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 400;
const FRAME = { left: 76, right: 40, top: 46, bottom: 84 } as const;
const ROW = 22;
/** Of the palette of Okabe and Ito: told apart by colour-blind readers too, and in the middle between white and black. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"] as const;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #3d444d; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #8b949e; stroke-opacity: 0.3; }
  .frame { stroke: #8b949e; fill: none; }
  @media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } }
`;

/** @throws RangeError for a chart without points, or with one that an axis can't show */
export function chartSvg({ title, x, y, series }: Chart): string {
  const points = series.flatMap((one) => one.points);
  const across = axisOf(
    x,
    points.map(([value]) => value),
  );
  const up = axisOf(
    y,
    points.map(([, value]) => value),
  );
  const px = (value: number) => round(FRAME.left + across.place(value) * (WIDTH - FRAME.left - FRAME.right));
  const py = (value: number) => round(HEIGHT - FRAME.bottom - up.place(value) * (HEIGHT - FRAME.top - FRAME.bottom));
  const legend = legendPlaces(series);
  const height = HEIGHT + (legend.at(-1)?.row ?? 0) * ROW;
  const body = [
    `<text class="title" x="${FRAME.left}" y="24">${escaped(title)}</text>`,
    ...gridOf(across, up, px, py),
    ...series.flatMap((one, i) => seriesOf(one, COLOURS[i % COLOURS.length] ?? "", px, py)),
    ...legendOf(legend),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
${body.join("\n")}
</svg>
`;
}

type Place = (value: number) => number;

function gridOf(across: Axis, up: Axis, px: Place, py: Place): string[] {
  const bottom = HEIGHT - FRAME.bottom;
  const right = WIDTH - FRAME.right;
  return [
    ...across.ticks.flatMap((tick) => [
      `<line class="grid" x1="${px(tick)}" y1="${FRAME.top}" x2="${px(tick)}" y2="${bottom}"/>`,
      `<text x="${px(tick)}" y="${bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`,
    ]),
    ...up.ticks.flatMap((tick) => [
      `<line class="grid" x1="${FRAME.left}" y1="${py(tick)}" x2="${right}" y2="${py(tick)}"/>`,
      `<text x="${FRAME.left - 8}" y="${py(tick) + 4}" text-anchor="end">${tickText(tick)}</text>`,
    ]),
    `<rect class="frame" x="${FRAME.left}" y="${FRAME.top}" width="${right - FRAME.left}" height="${bottom - FRAME.top}"/>`,
    `<text x="${(FRAME.left + right) / 2}" y="${bottom + 40}" text-anchor="middle">${escaped(across.label)}</text>`,
    `<text transform="translate(18 ${(FRAME.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(up.label)}</text>`,
  ];
}

function seriesOf({ kind, points }: Series, colour: string, px: Place, py: Place): string[] {
  if (kind === "points") {
    return points.map(([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="4.5" fill="${colour}"/>`);
  }
  const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${px(x)} ${py(y)}`).join("");
  const dashes = kind === "dashed" ? ' stroke-dasharray="6 5"' : "";
  return [`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`];
}

/** About as wide as a letter of the text is: SVG doesn't tell. */
const LETTER = 6.8;

interface Named {
  readonly series: Series;
  readonly x: number;
  readonly row: number;
}

/** From left to right, and on in a further row where there is no room. */
function legendPlaces(series: readonly Series[]): readonly Named[] {
  let x = FRAME.left;
  let row = 0;
  return series.map((one) => {
    const width = 26 + one.name.length * LETTER + 24;
    if (x > FRAME.left && x + width > WIDTH) {
      x = FRAME.left;
      row++;
    }
    const place = { series: one, x, row };
    x += width;
    return place;
  });
}

function legendOf(places: readonly Named[]): string[] {
  return places.flatMap(({ series: { name, kind }, x, row }, i) => {
    const y = HEIGHT - 14 + row * ROW;
    const colour = COLOURS[i % COLOURS.length] ?? "";
    const dashes = kind === "dashed" ? ' stroke-dasharray="6 5"' : "";
    const mark =
      kind === "points"
        ? `<circle cx="${x + 10}" cy="${y - 4}" r="4.5" fill="${colour}"/>`
        : `<line x1="${x}" y1="${y - 4}" x2="${x + 20}" y2="${y - 4}" stroke="${colour}" stroke-width="2"${dashes}/>`;
    return [mark, `<text x="${x + 26}" y="${y}">${escaped(name)}</text>`];
  });
}

const round = (value: number): number => Math.round(value * 10) / 10;
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
