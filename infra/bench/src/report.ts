import { writeFileSync } from 'node:fs';

/** One measured figure. Goal and floor apply to `ratio` where there is a reference, else to `ours`. */
export type Row = Readonly<{
  id: string;
  ours: number;
  reference: number | null;
  unit: string;
  ratio: number | null;
  goal: number;
  floor: number;
  /** For rates: goal and floor are the least instead of the most. */
  isMoreBetter?: boolean;
  /** Range, breakdown, number of runs: for the table only. */
  detail: string;
}>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function range(values: readonly number[]): string {
  return `${round(Math.min(...values))}–${round(Math.max(...values))}, n=${values.length}`;
}

export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** Prints the table and writes `bench.json` without the details. */
export function report(rows: readonly Row[], file: string): void {
  const cells = rows.map((row) => [
    row.id,
    `${round(row.ours)} ${row.unit}`,
    row.reference === null ? '' : `${round(row.reference)} ${row.unit}`,
    row.ratio === null ? '' : `${round(row.ratio)}×`,
    `${row.isMoreBetter ? '≥' : '≤'} ${row.goal}`,
    `${row.isMoreBetter ? '≥' : '≤'} ${row.floor}`,
    verdict(row),
    row.detail,
  ]);
  const table = [['id', 'ours', 'reference', 'ratio', 'goal', 'floor', '', 'detail'], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  writeFileSync(
    file,
    `${JSON.stringify(
      rows.map(({ detail: _, ...row }) => row),
      null,
      2,
    )}\n`,
    { mode: 0o600 },
  );
  console.log(`\nWritten to ${file}.`);
}

function verdict(row: Row): string {
  const value = row.ratio ?? row.ours;
  const meets = (wanted: number) => (row.isMoreBetter ? value >= wanted : value <= wanted);
  return meets(row.goal) ? 'goal met' : meets(row.floor) ? 'floor met' : 'missed';
}
