import { expect, it } from 'vitest';
import { judgeProbe, parseFinding } from './judge-probe';

const judge = (...reached: [boolean, boolean, boolean, boolean]) => judgeProbe({ reached, names: true });

it('is satisfied only when both allowed connections worked and both denied ones did not', () => {
  expect(judge(true, false, true, false).isOk).toBe(true);
});

it('names each direction that is not enforced, also when nothing else worked', () => {
  expect(judge(true, true, true, false)).toMatchObject({ isOk: false, detail: expect.stringContaining('into a pod') });
  expect(judge(true, false, true, true)).toMatchObject({
    isOk: false,
    detail: expect.stringContaining('out of a pod'),
  });
  expect(judge(false, true, false, false).isOk).toBe(false);
});

it('takes silence for no proof of a denial', () => {
  expect(judge(false, false, false, false).isOk).toBeNull();
  expect(judge(true, false, false, false).isOk).toBeNull();
});

it('tells whether names are answered, and nothing of them when no connection worked', () => {
  const names = (names: boolean, works: boolean) => judgeProbe({ reached: [works, false, works, false], names });
  expect([names(true, true), names(false, true)]).toMatchObject([{ hasNames: true }, { isOk: true, hasNames: false }]);
  expect(names(false, false)).not.toHaveProperty('hasNames');
});

it('reads nothing out of a message that is not a finding', () => {
  expect(parseFinding('Error: no such file')).toBeNull();
  expect(parseFinding('{"reached":[true]}')).toBeNull();
  expect(parseFinding('{"reached":[true,false,true,false]}')).toBeNull();
  const finding = { reached: [true, false, true, false], names: false };
  expect(parseFinding(JSON.stringify(finding))).toEqual(finding);
});
