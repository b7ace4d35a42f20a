/** How much of something is in use over time: changes, put in order when they are asked for. */
export class Timeline {
  readonly #times: number[] = [];
  readonly #changes: number[] = [];

  add(at: number, change: number): void {
    this.#times.push(at);
    this.#changes.push(change);
  }

  /** `amount` in all, evenly from `at` on. */
  spread(at: number, seconds: number, amount: number): void {
    this.add(at, amount / seconds);
    this.add(at + seconds, -amount / seconds);
  }

  /** Mean level in each of `count` equal parts of [from, to). */
  levels(from: number, to: number, count: number): readonly number[] {
    const width = (to - from) / count;
    const sums = new Float64Array(count);
    // Of each change: what it adds to the part it falls into, and to all parts behind it.
    const behind = new Float64Array(count + 1);
    for (let i = 0; i < this.#times.length; i++) {
      const at = (this.#times[i] ?? 0) - from;
      const change = this.#changes[i] ?? 0;
      const part = Math.floor(at / width);
      if (part >= count) continue;
      if (part < 0) {
        behind[0] = (behind[0] ?? 0) + change;
        continue;
      }
      sums[part] = (sums[part] ?? 0) + change * (part + 1 - at / width);
      behind[part + 1] = (behind[part + 1] ?? 0) + change;
    }
    let level = 0;
    return Array.from(sums, (sum, i) => {
      level += behind[i] ?? 0;
      return Math.max(0, level + sum);
    });
  }
}
