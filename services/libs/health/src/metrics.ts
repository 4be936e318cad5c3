/** The labels of a metric, each with all the values that it can have: what is not listed cannot be recorded. */
export type LabelSet = Readonly<Record<string, readonly string[]>>;
export type LabelValues<L extends LabelSet> = { readonly [Name in keyof L]: L[Name][number] };

export type MetricOptions<L extends LabelSet> = Readonly<{
  /** `wherry_<process>_<what>_<unit>`; counters end in `_total` (Prometheus, "Metric and label naming"). */
  name: string;
  /** One sentence for operators. */
  help: string;
  labels?: L;
}>;

type Value = number | null | Promise<number | null>;
type Family = Readonly<{ name: string; help: string; type: string; lines: () => string[] | Promise<string[]> }>;

/** From a fast call to one that runs into its limit, in seconds. */
export const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;

/**
 * The numbers of one process, and their text for Prometheus (text format 0.0.4). Every series is there from the start, at
 * zero, so that a first failure is a step that an alert can see.
 */
export class Metrics {
  private readonly families = new Map<string, Family>();

  counter<const L extends LabelSet = Record<never, never>>(options: MetricOptions<L>): Counter<L> {
    const counter = new Counter<L>(options.labels);
    this.add(options, 'counter', () => counter.lines(options.name));
    return counter;
  }

  gauge<const L extends LabelSet = Record<never, never>>(options: MetricOptions<L>): Gauge<L> {
    const gauge = new Gauge<L>(options.labels);
    this.add(options, 'gauge', () => gauge.lines(options.name));
    return gauge;
  }

  /** A number that is read when it is asked for. Null, or a failure, leaves it out: then it is not known. */
  read(options: MetricOptions<Record<never, never>>, read: () => Value, type: 'gauge' | 'counter' = 'gauge'): void {
    this.add(options, type, async () => {
      const value = await read();
      return value === null ? [] : [`${options.name} ${value}`];
    });
  }

  /** @param buckets upper bounds in seconds, ascending. */
  histogram<const L extends LabelSet = Record<never, never>>(
    options: MetricOptions<L>,
    buckets: readonly number[] = durationBuckets,
  ): Histogram<L> {
    const histogram = new Histogram<L>(options.labels, buckets);
    this.add(options, 'histogram', () => histogram.lines(options.name));
    return histogram;
  }

  async render(): Promise<string> {
    const parts = [...this.families.values()].map(async ({ name, help, type, lines }) => {
      const made = await Promise.resolve()
        .then(lines)
        .catch(() => []);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...made].join('\n');
    });
    return `${(await Promise.all(parts)).join('\n')}\n`;
  }

  private add(options: MetricOptions<LabelSet>, type: string, lines: Family['lines']): void {
    const { name, help } = options;
    if (!/^(wherry|process)_[a-z0-9_]+$/.test(name)) throw new TypeError(`${name} is no name of a metric of Wherry.`);
    if (this.families.has(name)) throw new TypeError(`There are two metrics of the name ${name}.`);
    this.families.set(name, { name, help, type, lines });
  }
}

/** One value of type `T` for each combination of labels. */
class Series<L extends LabelSet, T> {
  private readonly values = new Map<string, Readonly<{ text: string; value: T }>>();
  private readonly names: readonly string[];

  constructor(labels: L | undefined, make: () => T) {
    this.names = Object.keys(labels ?? {});
    for (const combination of combinations(labels ?? {})) {
      const text = this.names.map((name, index) => `${name}="${combination[index]}"`).join(',');
      this.values.set(combination.join('\0'), { text, value: make() });
    }
  }

  /** @throws TypeError for a value that the metric does not list. */
  at(values: LabelValues<L>): T {
    const key = this.names.map((name) => values[name]).join('\0');
    const found = this.values.get(key);
    if (found === undefined) throw new TypeError(`The metric has no series ${JSON.stringify(values)}.`);
    return found.value;
  }

  map<R>(work: (text: string, value: T) => R): R[] {
    return [...this.values.values()].map(({ text, value }) => work(text, value));
  }
}

export class Counter<L extends LabelSet> {
  private readonly series: Series<L, Count>;

  constructor(labels: L | undefined) {
    this.series = new Series(labels, () => ({ count: 0 }));
  }

  add(labels: LabelValues<L>, count = 1): void {
    this.series.at(labels).count += count;
  }

  /** The count itself, for a path so hot that looking it up each time matters. */
  of(labels: LabelValues<L>): Count {
    return this.series.at(labels);
  }

  lines(name: string): string[] {
    return this.series.map((text, { count }) => `${name}${braces(text)} ${count}`);
  }
}

export class Gauge<L extends LabelSet> {
  private readonly series: Series<L, { value: number }>;

  constructor(labels: L | undefined) {
    this.series = new Series(labels, () => ({ value: 0 }));
  }

  set(labels: LabelValues<L>, value: number): void {
    this.series.at(labels).value = value;
  }

  lines(name: string): string[] {
    return this.series.map((text, { value }) => `${name}${braces(text)} ${value}`);
  }
}

export type Count = { count: number };
type Distribution = { counts: number[]; count: number; sum: number };

export class Histogram<L extends LabelSet> {
  private readonly series: Series<L, Distribution>;

  constructor(
    labels: L | undefined,
    private readonly buckets: readonly number[],
  ) {
    this.series = new Series(labels, () => ({ counts: buckets.map(() => 0), count: 0, sum: 0 }));
  }

  observe(labels: LabelValues<L>, seconds: number): void {
    const distribution = this.series.at(labels);
    distribution.count += 1;
    distribution.sum += seconds;
    const bucket = this.buckets.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) distribution.counts[bucket] = (distribution.counts[bucket] as number) + 1;
  }

  lines(name: string): string[] {
    return this.series
      .map((text, { counts, count, sum }) => {
        const prefix = text === '' ? '' : `${text},`;
        let below = 0;
        const buckets = this.buckets.map((bound, index) => {
          below += counts[index] as number;
          return `${name}_bucket{${prefix}le="${bound}"} ${below}`;
        });
        const all = `${name}_bucket{${prefix}le="+Inf"} ${count}`;
        return [...buckets, all, `${name}_sum${braces(text)} ${sum}`, `${name}_count${braces(text)} ${count}`];
      })
      .flat();
  }
}

function braces(text: string): string {
  return text === '' ? '' : `{${text}}`;
}

function combinations(labels: LabelSet): string[][] {
  let made: string[][] = [[]];
  for (const values of Object.values(labels)) made = made.flatMap((head) => values.map((value) => [...head, value]));
  return made;
}
