import { expect, it } from 'vitest';
import { changeRoot, draftOf, settingsOf, withRoot, withoutRoot } from './settings-draft';

const settings = {
  roots: [
    { dir: '.', paths: ['api/**', '!api/docs'] },
    { dir: 'shop', paths: [] },
  ],
  waitForChecks: false,
  previews: {
    ...{ pullRequests: true, branches: false, leaseDays: 14, productionSecrets: false },
    outsiders: 'refused' as const,
  },
  feedback: { checks: true, deployments: true, comments: true },
};

it('sends unchanged settings as they came', () => {
  expect(settingsOf(draftOf(settings))).toEqual(settings);
});

it('takes a pattern from each line, without the blanks around it', () => {
  const draft = changeRoot(draftOf(settings), 1, { dir: ' shop ', paths: '\n shop/** \n\n/lib\n' });
  expect(settingsOf(draft).roots[1]).toEqual({ dir: 'shop', paths: ['shop/**', '/lib'] });
});

it('tells stacks apart although others were removed before they were added', () => {
  const draft = withRoot(withoutRoot(withRoot(draftOf(settings)), 0));
  const keys = draft.roots.map(({ key }) => key);
  expect(new Set(keys).size).toBe(3);
  expect(settingsOf(changeRoot(draft, keys[2] ?? -1, { dir: 'last' })).roots.map(({ dir }) => dir)).toEqual([
    ...['shop', '', 'last'],
  ]);
});

it('sends no number of days as one that is refused, not as a number of its own making', () => {
  const draft = draftOf(settings);
  expect(settingsOf({ ...draft, previews: { ...draft.previews, leaseDays: '' } }).previews.leaseDays).toBe(0);
});
