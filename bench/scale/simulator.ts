/** Events in order of time, and what takes part in them. Deterministic: equal times keep the order they were asked in. */

interface Event {
  readonly at: number;
  readonly number: number;
  readonly run: () => void;
}

export class Simulator {
  /** Seconds since the beginning. */
  now = 0;
  #count = 0;
  readonly #heap: Event[] = [];

  /** @param at seconds; a moment that has passed means now */
  schedule(at: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: Math.max(at, this.now), number: this.#count++, run };
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (!above || !isBefore(event, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let event = this.#next(); event; event = this.#next()) {
      this.now = event.at;
      event.run();
    }
  }

  #next(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      const right = heap[2 * i + 2];
      if (!left) break;
      const [child, at] = right && isBefore(right, left) ? [right, 2 * i + 2] : [left, 2 * i + 1];
      if (!isBefore(child, last)) break;
      heap[i] = child;
      i = at;
    }
    heap[i] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.number < b.number);
