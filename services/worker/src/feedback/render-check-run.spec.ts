import type { ReportedDeployment } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { addresses, claimedReport, reportedFunction } from '../testing/claimed-report';
import { checkName, renderCheckRun } from './render-check-run';

const render = (deployment: Partial<ReportedDeployment>, lines: { functionName: string; text: string }[] = []) =>
  renderCheckRun(claimedReport({ deployment, lines }), addresses);

describe('the check run', () => {
  it('of a live deployment tells where each function is and how long it took', () => {
    const run = render({ functions: [reportedFunction('hello'), reportedFunction('old', { status: 'reused' })] });
    expect(run).toMatchObject({
      ...{ name: 'Wherry', title: 'Live: 2 functions', detailsUrl: 'https://console.test/deployments/dep_1' },
      ...{ startedAtMs: Date.UTC(2026, 10, 22, 8, 0, 1), completedAtMs: Date.UTC(2026, 10, 22, 8, 0, 6) },
      ...{ text: null, annotations: [] },
    });
    expect(run.summary).toContain('| `hello` | http://acme.apps.test:8080/hello/ | 1.2 s |');
    expect(run.summary).toContain('| `old` | http://acme.apps.test:8080/old/ | unchanged |');
    expect(run.summary).toContain('Waited 1.0 s, then took 5.0 s.');
  });

  it('of a failed deployment tells why, with the end of the log and the line', () => {
    const failed = reportedFunction('hello', { status: 'failed', reason: 'npm ended with 1.', buildMs: null });
    const lines = [
      { functionName: '', text: 'Building one function.' },
      { functionName: 'hello', text: '/home/app/function/handler.js:7' },
    ];
    const reason = 'Function "hello": npm ended with 1.';
    const run = render({ status: 'failed', reason, functions: [failed] }, lines);
    expect(run).toMatchObject({ conclusion: 'failure', title: 'Failed: hello' });
    expect(run.summary).toContain('```text\nFunction "hello": npm ended with 1.\n```');
    expect(run.summary).toContain('| `hello` | – | failed: `npm ended with 1.` |');
    expect(run.text).toContain('```text\nBuilding one function.\nhello: /home/app/function/handler.js:7\n```');
    expect(run.annotations).toMatchObject([{ path: 'hello/handler.js', line: 7, title: 'Function "hello"' }]);
  });

  it('of code that somebody has to let run first does not pass, and says how', () => {
    const reason = 'Its code comes from a fork. Somebody who may write can let it run by the comment: /deploy aaaa';
    const run = render({ status: 'skipped', isRefused: true, reason, startedAtMs: null, functions: [] });
    expect(run).toMatchObject({ status: 'completed', conclusion: 'action_required' });
    expect(run.detailsUrl).toBe('https://console.test/deployments/dep_1');
    expect(run.completedAtMs).not.toBeNull();
    expect(run.summary).toContain('somebody has to read it first');
    expect(run.summary).toContain('```text\nIts code comes from a fork.');
    expect(run.summary).toContain('/deploy aaaa');
    expect(render({ status: 'skipped', reason: 'Nothing changed.' }).conclusion).toBe('skipped');
  });

  it('has a conclusion and an end exactly when it is completed', () => {
    for (const status of ['queued', 'building', 'releasing'] as const) {
      expect(render({ status, startedAtMs: null, finishedAtMs: null })).toMatchObject({
        ...{ conclusion: null, completedAtMs: null },
      });
    }
    expect(render({ status: 'cancelled', finishedAtMs: null }).completedAtMs).not.toBeNull();
  });

  it('is named by its folder when the stack is not at the root', () => {
    expect(checkName('apps/web')).toBe('Wherry (apps/web)');
    expect(checkName('a\nb\u202e')).toBe('Wherry (a b)');
  });

  it('stays within what GitHub takes, whatever a build printed', () => {
    const lines = Array.from({ length: 50 }, () => ({ functionName: 'hello', text: '`😀'.repeat(20_000) }));
    const functions = Array.from({ length: 300 }, (_, index) =>
      reportedFunction(`fn-${index}`, { status: 'failed', reason: '|`<b>\n'.repeat(1_000) }),
    );
    const notes = Array.from({ length: 200 }, () => 'ß'.repeat(10_000));
    const run = render({ status: 'failed', reason: '€'.repeat(100_000), functions, notes }, lines);
    expect(Buffer.byteLength(run.summary)).toBeLessThanOrEqual(65_535);
    expect(Buffer.byteLength(run.text ?? '')).toBeLessThanOrEqual(65_535);
    expect(run.title.length).toBeLessThanOrEqual(255);
    expect(run.summary).toContain('The deployment failed:');
    expect(run.summary).toContain('… and 250 more functions.');
    expect(run.text).toContain("**The end of the build's log**\n\n```text\n… ");
    expect(run.text).toContain('**Notes**');
  });

  it('lets nothing that a repository wrote out of code', () => {
    const text = '@acme/everyone ![](https://evil.test/x.png) <a href="https://evil.test">log in</a>\n```\n# Approved';
    const failed = reportedFunction('hello', { status: 'failed', reason: text });
    const run = render({ status: 'failed', reason: text, functions: [failed], notes: [text] }, [
      { functionName: 'hello', text },
    ]);
    for (const markdown of [run.summary, run.text ?? '']) {
      const shown = markdown.replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, '').replace(/(`+)(?!`)[^\n]*?[^`]\1(?!`)/g, '');
      expect(shown).not.toMatch(/@|evil|<|Approved/);
    }
  });
});
