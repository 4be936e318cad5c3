import { expect, it } from 'vitest';
import { asNoRoom } from './build-failure';

it('tells a full disk, met by us or by a tool, as such, and nothing else', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  for (const fault of [full, 'fatal: write error: No space left on device']) {
    expect(asNoRoom(fault)?.message).toContain('no room left on its disk');
  }
  for (const fault of [new Error('other'), 'fatal: other', null, undefined]) expect(asNoRoom(fault)).toBeNull();
});
