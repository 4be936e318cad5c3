import { expect, it } from 'vitest';
import { alertedProcesses, alertedSeries, unansweredAlerts } from './alerts';

const rules = [
  { alert: 'Late', expr: 'sum(rate(wherry_git_a_total{kind="push",end=~"ok|late"}[5m])) / wherry_git_b > 1' },
];

it('finds each series that a rule asks for', () => {
  expect(alertedSeries(rules)).toEqual([
    'Late: wherry_git_a_total{kind="push",end="ok"}',
    'Late: wherry_git_a_total{kind="push",end="late"}',
    'Late: wherry_git_b',
  ]);
});

it('tells what a process’s metrics lack: a name, or a value of a label', () => {
  const all = [
    'wherry_git_a_total{kind="push",end="ok"} 0',
    'wherry_git_a_total{end="late",kind="push"} 0',
    'wherry_git_b 1',
  ];
  expect(unansweredAlerts('git', all.join('\n'), rules)).toEqual([]);
  expect(unansweredAlerts('git', [all[0], 'wherry_git_b_seconds 1'].join('\n'), rules)).toEqual([
    'Late: wherry_git_a_total{kind="push",end="late"}',
    'Late: wherry_git_b',
  ]);
});

it('refuses a rule that it cannot check', () => {
  expect(() => alertedSeries([{ alert: 'X', expr: 'wherry_git_a{kind!="push"}' }])).toThrow('not by kind!="push"');
});

it('every metric of the chart’s alerts is of a process that asks whether it has it', () => {
  const processes = alertedSeries().map((asked) => /: wherry_([a-z]+)_/.exec(asked)?.[1]);
  expect([...new Set(processes)].sort()).toEqual(alertedProcesses);
});
