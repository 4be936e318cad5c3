import { describe, expect, it } from 'vitest';
import { zeroSha } from '../protocol/receive-pack';
import { chooseProduction, judgePush, notDeployedLines } from './policy';

const a = 'a'.repeat(40);
const make = (ref: string) => ({ ref, oldSha: zeroSha, newSha: a });
const remove = (ref: string) => ({ ref, oldSha: a, newSha: zeroSha });

describe('judgePush', () => {
  it('lets branches and tags be made, moved and deleted', () => {
    const updates = [make('refs/heads/main'), make('refs/tags/v1.0'), remove('refs/heads/feature/über-idea')];
    expect(judgePush(updates, 'main')).toBeNull();
  });

  it.each([
    'HEAD',
    'refs/notes/commits',
    'refs/heads/',
    'refs/heads/a..b',
    'refs/heads/a b',
    'refs/heads/a\u001b[31m',
    'refs/heads/a\u202eb',
    'refs/heads/.hidden',
    'refs/heads/x/.hidden',
    'refs/heads/x.lock',
    'refs/heads/a//b',
    'refs/heads/@{1}',
    'refs/heads/a*',
    `refs/heads/${'x'.repeat(200)}`,
  ])('refuses the ref %j and prints it harmlessly', (ref) => {
    const refusal = judgePush([make(ref)], null);
    expect(refusal?.reasons.get(ref)).toBeTypeOf('string');

    expect(refusal?.explanation.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('refuses to delete production only, and each other ref of that push with it', () => {
    const refusal = judgePush([remove('refs/heads/main'), make('refs/heads/next')], 'main');
    expect(Object.fromEntries(refusal?.reasons ?? [])).toEqual({
      'refs/heads/main': 'the production branch cannot be deleted',
      'refs/heads/next': 'another ref of this push was refused',
    });
    expect(judgePush([remove('refs/heads/main')], 'trunk')).toBeNull();
  });

  it('refuses a ref that is named twice', () => {
    expect(judgePush([make('refs/heads/a'), remove('refs/heads/a')], null)).not.toBeNull();
  });
});

describe('chooseProduction', () => {
  it.each([
    [['refs/heads/dev', 'refs/heads/main'], 'main'],
    [['refs/tags/v1', 'refs/heads/dev', 'refs/heads/app'], 'dev'],
    [['refs/tags/v1'], null],
    [[], null],
  ])('of %j is %s', (refs, production) => {
    expect(chooseProduction(refs)).toBe(production);
  });
});

describe('notDeployedLines', () => {
  it('says nothing of production and something of every other ref', () => {
    const landed = [make('refs/heads/main'), make('refs/heads/idea'), make('refs/tags/v1'), remove('refs/heads/old')];
    expect(notDeployedLines(landed, 'main')).toEqual([
      'idea: stored, not deployed yet: only main is deployed.',
      'tag v1: stored, not deployed yet: only main is deployed.',
      'old: deleted.',
    ]);
  });
});
