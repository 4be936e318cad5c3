import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

type Rule = Readonly<{ alert: string; expr: string }>;

/** Processes whose metrics alerts stand on. Each has a test that asks `unansweredAlerts` for its own. */
export const alertedProcesses = ['api', 'controller', 'gateway', 'git', 'registry', 'worker'] as const;

const file = path.join(import.meta.dirname, '../../../../infra/helm/wherry/files/alerts.yaml');

/** The chart's rules for alerts. */
export function alertRules(): Rule[] {
  return parse(readFileSync(file, 'utf8')) as Rule[];
}

/** What rules ask of metrics, as `Alert: name{label="value"}`, one for each alternative of a `=~`. */
export function alertedSeries(rules: readonly Rule[] = alertRules()): string[] {
  const asked = rules.flatMap(({ alert, expr }) =>
    [...expr.matchAll(/\b(wherry_[a-z0-9_]+)(?:\{([^}]*)\})?/g)].flatMap(([, name, matchers = '']) => {
      const labels = alternatives(matchers);
      return labels.map((each) => `${alert}: ${name}${each.length > 0 ? `{${each.join(',')}}` : ''}`);
    }),
  );
  return [...new Set(asked)];
}

/**
 * Those of a process's alerts that would never fire, because its metrics lack what they ask for.
 * @param text the process's metrics, as Prometheus reads them.
 */
export function unansweredAlerts(
  process: (typeof alertedProcesses)[number],
  text: string,
  rules: readonly Rule[] = alertRules(),
): string[] {
  const lines = text.split('\n');
  return alertedSeries(rules).filter((asked) => {
    const [, name = '', labels = ''] = /: ([a-z0-9_]+)(?:\{(.*)\})?$/.exec(asked) ?? [];
    if (!name.startsWith(`wherry_${process}_`)) return false;
    const wanted = labels === '' ? [] : labels.split(',');
    const has = (line: string) =>
      /^[a-z0-9_]+/.exec(line)?.[0] === name && wanted.every((label) => new RegExp(`[{,]${label}[,}]`).test(line));
    return !lines.some(has);
  });
}

/** `a="1",b=~"2|3"` → `[[a="1", b="2"], [a="1", b="3"]]`. @throws Error for matchers of another kind. */
function alternatives(matchers: string): string[][] {
  const given = matchers.split(',').filter((matcher) => matcher.trim() !== '');
  return given.reduce<string[][]>(
    (made, matcher) => {
      const [, label, sign, values = ''] = /^\s*(\w+)(=~?)"([\w|]+)"\s*$/.exec(matcher) ?? [];
      if (label === undefined)
        throw new Error(`Rules are checked by label="value" and label=~"a|b", not by ${matcher}.`);
      const each = sign === '=' ? [values] : values.split('|');
      return made.flatMap((head) => each.map((value) => [...head, `${label}="${value}"`]));
    },
    [[]],
  );
}
