import { RepositorySettings } from '@wherry/contract';
import { deploymentStatuses } from '@wherry/domain';
import type { ClaimedReport } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { addresses, claimedReport, reportedFunction } from '../testing/claimed-report';
import { decideReport, environmentName } from './decide-report';

const on = RepositorySettings.parse({}).feedback;
const off = { checks: false, deployments: false, comments: false };
const decide = (claimed: ClaimedReport, feedback = on) => decideReport(claimed, feedback, addresses);

/** What is remembered after all of a decision was told. */
function after(claimed: ClaimedReport): ClaimedReport['report'] {
  const { check, deployment } = decide(claimed);
  const told = { ...claimed.report.told, ...(check && { check: check.told }) };
  const ids = { checkRunId: claimed.report.checkRunId ?? 1, githubDeploymentId: claimed.report.githubDeploymentId };
  if (!deployment) return { ...claimed.report, ...ids, told };
  return { ...claimed.report, ...ids, githubDeploymentId: 2, told: { ...told, deployment: deployment.told } };
}

const preview = { isPreview: true, label: 'pr-12--shop--acme', pullRequest: 12 };

describe('what GitHub is told', () => {
  it.each([
    ['queued', 'queued', null, 'queued'],
    ['building', 'in_progress', null, 'in_progress'],
    ['releasing', 'in_progress', null, 'in_progress'],
    ['live', 'completed', 'success', 'success'],
    ['failed', 'completed', 'failure', 'failure'],
    ['superseded', 'completed', 'cancelled', null],
    ['cancelled', 'completed', 'cancelled', null],
    ['skipped', 'completed', 'skipped', null],
    ['retired', 'completed', 'success', null],
  ] as const)('of a deployment that is %s is a check that is %s/%s and a deployment %s', (status, run, end, state) => {
    const { check, deployment } = decide(claimedReport({ deployment: { status } }));
    expect(check?.run).toMatchObject({ status: run, conclusion: end, externalId: 'dep_1' });
    expect(deployment?.status.state ?? null).toBe(state);
  });

  it('is success for a live deployment and for one that was, and for no other', () => {
    const successes = deploymentStatuses.filter((status) => {
      const { check, deployment } = decide(claimedReport({ deployment: { status } }));
      return check?.run.conclusion === 'success' || deployment?.status.state === 'success';
    });
    expect(successes).toEqual(['live', 'retired']);
    expect(decide(claimedReport({ deployment: { status: 'retired' } })).deployment).toBeNull();
  });

  it.each(deploymentStatuses)('is not told again while the deployment stays %s', (status) => {
    const claimed = claimedReport({ deployment: { status }, report: { isFirst: false } });
    const again = decide({ ...claimed, report: after(claimed) });
    expect(again).toMatchObject({ check: null, deployment: null });
  });

  it('is over when the deployment is', () => {
    const open = deploymentStatuses.filter((status) => !decide(claimedReport({ deployment: { status } })).isFinal);
    expect(open).toEqual(['queued', 'building', 'releasing']);
  });

  it('turns a replaced deployment inactive, and leaves its check as it was', () => {
    const report = after(claimedReport());
    const { check, deployment } = decide(claimedReport({ deployment: { status: 'retired' }, report }));
    expect(check).toBeNull();
    expect(deployment?.status).toMatchObject({ state: 'inactive', environmentUrl: null });
  });

  it('turns a deployment that was rolled back to into a success again', () => {
    const retired = claimedReport({ deployment: { status: 'retired' }, report: after(claimedReport()) });
    const { check, deployment } = decide(claimedReport({ report: after(retired) }));
    expect(check).toBeNull();
    expect(deployment?.status.state).toBe('success');
  });

  it('ends what had begun when a deployment is superseded', () => {
    const report = after(claimedReport({ deployment: { status: 'building' } }));
    const { check, deployment } = decide(claimedReport({ deployment: { status: 'superseded' }, report }));
    expect(check?.run.conclusion).toBe('cancelled');
    expect(deployment?.status.state).toBe('inactive');
  });

  it('turns the deployments of a closed preview inactive, but for one that failed', () => {
    const live = claimedReport({ environment: preview });
    const { deployment } = decide(claimedReport({ environment: preview, isGone: true, report: after(live) }));
    expect(deployment?.status.state).toBe('inactive');
    const failed = claimedReport({ deployment: { status: 'failed' }, environment: preview });
    const late = claimedReport({
      ...{ deployment: { status: 'failed' }, environment: preview, isGone: true, report: after(failed) },
    });
    expect(decide(late).deployment).toBeNull();
  });

  it('is nothing on a channel that is switched off', () => {
    expect(decide(claimedReport({ environment: preview }), off)).toMatchObject({
      ...{ check: null, deployment: null, hasComment: false },
    });
    expect(decide(claimedReport({ environment: preview }), { ...off, checks: true }).check).not.toBeNull();
    expect(decide(claimedReport({ environment: preview }), { ...off, deployments: true }).deployment).not.toBeNull();
    expect(decide(claimedReport({ environment: preview }), { ...off, comments: true }).hasComment).toBe(true);
  });

  it('is brought to its end on a channel that was switched off meanwhile', () => {
    const report = after(claimedReport({ deployment: { status: 'building' } }));
    const { check, deployment } = decide(claimedReport({ report }), off);
    expect(check?.run.conclusion).toBe('success');
    expect(deployment?.status.state).toBe('success');
  });

  it('is a comment for pull requests only', () => {
    expect(decide(claimedReport()).hasComment).toBe(false);
    expect(decide(claimedReport({ environment: { isPreview: true, branch: 'next' } })).hasComment).toBe(false);
    expect(decide(claimedReport({ environment: preview })).hasComment).toBe(true);
  });
});

describe('the deployment on GitHub', () => {
  it('is of the commit, waits for nothing, and says whether it is production', () => {
    expect(decide(claimedReport()).deployment?.of).toMatchObject({
      ...{ sha: 'a'.repeat(40), environment: 'Production', isProduction: true, isTransient: false },
      externalId: 'dep_1',
    });
    expect(decide(claimedReport({ environment: preview })).deployment?.of).toMatchObject({
      ...{ environment: 'Preview – pr-12', isProduction: false, isTransient: true },
    });
  });

  it('leads to its only function, else to the whole environment, and to the log', () => {
    const one = decide(claimedReport()).deployment?.status;
    expect(one).toMatchObject({ environmentUrl: 'http://acme.apps.test:8080/hello/' });
    expect(one?.logUrl).toBe('https://console.test/deployments/dep_1');
    const functions = [reportedFunction('a'), reportedFunction('b')];
    const two = decide(claimedReport({ deployment: { functions }, environment: preview })).deployment?.status;
    expect(two?.environmentUrl).toBe('http://pr-12--shop--acme.apps.test:8080/');
    const index = decide(claimedReport({ deployment: { functions: [reportedFunction('index')] } })).deployment?.status;
    expect(index?.environmentUrl).toBe('http://acme.apps.test:8080/');
  });

  it('has an environment of its own for each stack of a repository', () => {
    const { environment } = claimedReport();
    expect(environmentName(environment, 'apps/web')).toBe('Production (apps/web)');
    const branch = { ...environment, isPreview: true, branch: 'fix/\u202ethe thing' };
    expect(environmentName(branch, '.')).toBe('Preview – fix/the thing');
  });
});
