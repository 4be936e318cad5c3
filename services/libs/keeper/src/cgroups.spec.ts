import { describe, expect, it } from 'vitest';
import { findHierarchies } from './cgroups';

const v1 = (name: string, root = '/') =>
  `30 20 0:1 ${root} /sys/fs/cgroup/${name} rw,relatime shared:9 - cgroup cgroup rw,${name}`;
const v2 = (at = '/sys/fs/cgroup', root = '/') => `31 20 0:2 ${root} ${at} rw,relatime - cgroup2 cgroup2 rw,nsdelegate`;

describe('findHierarchies', () => {
  it('finds one folder per controller where version 1 holds them', () => {
    const mounts = [v1('memory'), v1('cpu,cpuacct'), v1('pids'), v1('freezer'), v2('/sys/fs/cgroup/unified')].join(
      '\n',
    );
    const own = '4:memory:/a/b\n3:pids:/\n2:cpu,cpuacct:/c\n0::/x\n';
    expect(findHierarchies(mounts, own)).toEqual([
      { version: 1, controllers: ['memory'], dir: '/sys/fs/cgroup/memory/a/b' },
      { version: 1, controllers: ['cpu'], dir: '/sys/fs/cgroup/cpu,cpuacct/c' },
      { version: 1, controllers: ['pids'], dir: '/sys/fs/cgroup/pids' },
    ]);
  });

  it('finds the one folder of version 2', () => {
    const found = findHierarchies(v2(), '0::/user.slice/user-1000.slice/session-2.scope\n');
    expect(found.map((each) => each.dir)).toEqual(['/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope']);
  });

  it('stays inside what a container shows of the tree', () => {
    expect(findHierarchies(v2('/sys/fs/cgroup', '/docker/abc'), '0::/docker/abc/x')[0]?.dir).toBe('/sys/fs/cgroup/x');
    expect(findHierarchies(v2('/sys/fs/cgroup', '/docker/abc'), '0::/elsewhere')[0]?.dir).toBe('/sys/fs/cgroup');
  });

  it('finds nothing where version 1 holds only some of the controllers and version 2 is not there', () => {
    expect(findHierarchies([v1('memory'), v1('cpu')].join('\n'), '1:memory:/\n2:cpu:/\n')).toEqual([]);
    expect(findHierarchies('', '')).toEqual([]);
  });
});
