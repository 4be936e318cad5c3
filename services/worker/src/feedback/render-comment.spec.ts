import { describe, expect, it } from 'vitest';
import { addresses, claimedReport, reportedDeployment, reportedFunction } from '../testing/claimed-report';
import { commentMarker, renderComment } from './render-comment';

const { environment } = claimedReport({
  environment: { id: 'env_pr', isPreview: true, label: 'pr-12--shop--acme', pullRequest: 12 },
});

describe('the comment of a pull request', () => {
  it('has a row for each function, with its address once it is live', () => {
    const live = reportedDeployment({ functions: [reportedFunction('hello'), reportedFunction('index')] });
    const building = reportedDeployment({ id: 'dep_2', status: 'building', rootDir: 'api', functions: [] });
    const text = renderComment(environment, [live, building], addresses);
    expect(text.split('\n')[0]).toBe('<!-- wherry preview env_pr -->');
    const link = '[Live](https://console.test/deployments/dep_1)';
    const end = 'aaaaaaa | 2026-11-22 08:00 UTC |';
    expect(text).toContain(`| \`hello\` | ${link} | http://pr-12--shop--acme.apps.test:8080/hello/ | ${end}`);
    expect(text).toContain(`| \`index\` | ${link} | http://pr-12--shop--acme.apps.test:8080/ | ${end}`);
    expect(text).toContain(`| all in \`api\` | [Building](https://console.test/deployments/dep_2) | – | ${end}`);
  });

  it('tells why a deployment failed or was skipped', () => {
    const failed = reportedDeployment({ status: 'failed', reason: 'npm ended\nwith 1.', functions: [] });
    expect(renderComment(environment, [failed], addresses)).toContain('\n\n`npm ended with 1.`');
  });

  it('says that the preview is gone when it is', () => {
    const closed = { ...environment, isClosed: true, closedReason: 'The pull request was closed.' };
    const text = renderComment(closed, [reportedDeployment()], addresses);
    expect(text).toContain('The preview was removed. `The pull request was closed.`');
    expect(text).not.toContain('apps.test');
    expect(text.startsWith(commentMarker(environment))).toBe(true);
  });

  it('shows names from the repository as code, in their cells', () => {
    const rootDir = 'x | [a](https://evil.test) | @acme/all `b` <img src=x>';
    const hostile = reportedDeployment({ rootDir, status: 'failed', reason: '`@everyone` | x' });
    const text = renderComment(environment, [hostile], addresses);
    const row = text.split('\n').find((line) => line.includes('hello')) ?? '';
    expect(row.match(/\|/g)).toHaveLength(6);
    expect(row).toContain('``x │ [a](https://evil.test) │ @acme/all `b` <img src=x>``');
    expect(text).toContain('`` `@everyone` │ x ``');
  });

  it('stays within what GitHub takes, however many functions there are', () => {
    const functions = Array.from({ length: 2_000 }, (_, index) => reportedFunction(`fn-${index}-${'x'.repeat(50)}`));
    const many = Array.from({ length: 20 }, (_, index) =>
      reportedDeployment({ functions, rootDir: `r${index}`, status: 'failed', reason: '😀'.repeat(5_000) }),
    );
    const text = renderComment(environment, many, addresses);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_000);
    expect(text).toContain('… and 39900 more functions.');
  });

  it('is equal for equal deployments, so that nothing is edited without news', () => {
    expect(renderComment(environment, [reportedDeployment()], addresses)).toBe(
      renderComment({ ...environment }, [reportedDeployment()], addresses),
    );
  });
});
