import { RepositorySettings } from '@wherry/contract';
import { describe, expect, it } from 'vitest';
import type { Inspector } from '../source/source';
import { factsOf, hasWanted, judge, type Planned } from './gather-facts';

const commitSha = 'b'.repeat(40);
const liveSha = 'a'.repeat(40);
const pull = {
  ...{ number: 7, title: 'Change', headRef: 'change', baseRef: 'main', isFork: false, isDraft: false },
  ...{ authorLogin: 'ada', authorId: 1 },
};

function planned(settings: object, more: Partial<Planned> = {}): Planned {
  return {
    place: { installationId: 1, repositoryId: 2, fullName: 'acme/shop' },
    subject: {
      ...{ tenantSlug: 'acme', repositoryName: 'shop', settings: {}, productionBranch: 'main', newest: [] },
      ...{ productionEnvironmentId: 'env_p', previewEnvironmentId: null, ledger: null, github: null },
      live: [{ rootDir: '.', environmentId: 'env_p', commitSha: liveSha }],
    },
    settings: RepositorySettings.parse(settings),
    head: { commitSha, treeSha: commitSha, message: 'Change', author: 'Ada' },
    ...{ grantedSha: null, environmentId: 'env_p', ...more },
  };
}

function inspector(answers: Partial<{ [K in keyof Inspector]: Awaited<ReturnType<Inspector[K]>> }>): Inspector {
  const answer = async (name: keyof Inspector) => {
    if (!(name in answers)) throw new Error(`${name} was not to be asked`);
    return answers[name] as never;
  };
  return {
    comment: () => answer('comment'),
    isOutsider: () => answer('isOutsider'),
    changes: () => answer('changes'),
    files: () => answer('files'),
    checks: () => answer('checks'),
  };
}

describe('judge', () => {
  const judged = (given: Partial<Planned>, answers: Parameters<typeof inspector>[0] = {}, settings: object = {}) =>
    judge(inspector(answers), planned(settings, given));
  const headOf = (more: object) => ({ ...planned({}).head, pull: { ...pull, ...more } });

  it('trusts branches, and pull requests of those who may write', async () => {
    expect(await judged({})).toEqual({ trust: 'trusted', refusal: null });
    expect(await judged({ head: headOf({}) }, { isOutsider: false })).toEqual({ trust: 'trusted', refusal: null });
  });

  it('refuses forks, whoever opened the pull request, and says which comment lets this commit run', async () => {
    const { trust, refusal } = await judged({ head: headOf({ isFork: true }) });
    expect(trust).toBe('untrusted');
    expect(refusal).toBe(
      `Its code comes from a fork. Somebody who may write to the repository can let exactly this commit run by the comment: /deploy ${commitSha}`,
    );
  });

  it('does not trust a pull request between branches that an outsider opened', async () => {
    const judgement = await judged({ head: headOf({}) }, { isOutsider: true });
    expect(judgement).toEqual({ trust: 'untrusted', refusal: expect.stringContaining('ada may not write') });
  });

  it('builds code of outsiders apart where the settings allow it', async () => {
    const settings = { previews: { outsiders: 'isolated' } };
    const head = headOf({ isFork: true });
    expect(await judged({ head }, {}, settings)).toEqual({ trust: 'untrusted', refusal: null });
  });

  it('trusts exactly the commit that a maintainer let run', async () => {
    const head = headOf({ isFork: true });
    expect((await judged({ head, grantedSha: commitSha })).trust).toBe('trusted');
    expect((await judged({ head, grantedSha: 'c'.repeat(40) })).trust).toBe('untrusted');
  });
});

describe('factsOf', () => {
  const trusted = { trust: 'trusted', refusal: null } as const;
  const facts = (settings: object, answers: Parameters<typeof inspector>[0], more: Partial<Planned> = {}, now = 0) =>
    factsOf(inspector(answers), planned(settings, more), '.', trusted, now);

  it('asks for nothing that the settings do not need', async () => {
    expect(await facts({}, {})).toEqual({ trust: 'trusted', refusal: null, nothingThere: null, checks: null });
  });

  it.each([
    [['stack.yml', 'README.md'], null],
    [['stack.yaml'], null],
    [['README.md', 'Dockerfile'], 'Nothing to deploy: there is no stack.yml in the root of the repository.'],
  ])('looks for a stack file before the first deployment: %j', async (files, nothingThere) => {
    expect(await facts({}, { files }, { environmentId: null })).toMatchObject({ nothingThere });
  });

  it('waits two minutes for the first check of a commit that has none', async () => {
    const settings = { waitForChecks: true };
    const none = { checks: { state: 'none' } } as const;
    const { subject } = planned({});
    const seen = { subject: { ...subject, ledger: { commitSha, sinceMs: 1_000 } } };
    expect(await facts(settings, none)).toMatchObject({ checks: { state: 'pending' } });
    expect(await facts(settings, none, seen, 120_999)).toMatchObject({ checks: { state: 'pending' } });
    expect(await facts(settings, none, seen, 121_000)).toMatchObject({ checks: { state: 'none' } });
  });

  it('compares with what is live when there are path filters, and wants everything when nobody can tell', async () => {
    const settings = { roots: [{ dir: '.', paths: ['src/'] }] };
    expect(await facts(settings, { changes: ['README.md'] })).toMatchObject({
      changes: { since: liveSha, areWanted: false },
    });
    expect(await facts(settings, { changes: null })).not.toHaveProperty('changes');
  });

  it('compares the first commit of a pull request with its base, and the first one of a branch with nothing', async () => {
    const settings = { roots: [{ dir: '.', paths: ['src/'] }] };
    const more = { environmentId: null, head: { ...planned({}).head, pull } };
    const answers = { changes: ['src/a.ts'], files: ['stack.yml'] };
    expect(await facts(settings, answers, more)).toMatchObject({ changes: { since: null, areWanted: true } });
    expect(await facts(settings, { files: ['stack.yml'] }, { environmentId: null })).not.toHaveProperty('changes');
  });
});

describe('hasWanted', () => {
  it.each([
    [['src/**'], 'src/a/b.ts', true],
    [['/src'], 'src/a.ts', true],
    [['/src'], 'lib/src/a.ts', false],
    [['src'], 'lib/src/a.ts', true],
    [['*', '!docs/'], 'docs/a.md', true],
    [['*', '!*.md'], 'README.md', false],
    [['api/', 'web/'], 'web/x', true],
    [['api/'], 'apiary/x', false],
  ])('reads %j as .gitignore does: %s is %s', (patterns, path, expected) => {
    expect(hasWanted(patterns, [path])).toBe(expected);
  });

  it('wants nothing when nothing changed', () => {
    expect(hasWanted(['*'], [])).toBe(false);
  });
});
