import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildUid, renderSandbox } from '@wherry/sandbox';
import { hasBubblewrap } from '../testing/adapters/build-harness';
import { runTool } from './run-tool';

const isRoot = process.getuid?.() === 0;
const uid = isRoot ? buildUid(1) : null;
const skipNote =
  hasBubblewrap || process.env.WHERRY_REQUIRE_ALL === '1' ? '' : ' (skipped: apt-get install bubblewrap)';

describe.skipIf(skipNote !== '')(`a sandboxed tool${skipNote}`, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wherry-tool-'));
    if (uid !== null) chownSync(folder, uid, uid);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  // The gap is a matter of milliseconds, and not there each time.
  it.for([1, 2, 3, 4, 5, 6, 7, 8])(
    'has ended with all that it left behind, so nothing changes any more what it made (%i)',
    async () => {
      // Each lets go of everything that ties it to the command, and writes its file again and again.
      const left = '(setsid sh -c "exec >/dev/null 2>&1; while :; do echo x >/made/$n; done" &)';
      const script = `for n in $(seq 60); do export n; ${left}; done; until [ $(ls /made | wc -l) = 60 ]; do :; done`;
      const { file, args } = renderSandbox(
        {
          ...{
            uid,
            readOnly: [],
            writable: [{ from: folder, to: '/made' }],
            tmpMiB: 8,
            env: { PATH: '/usr/bin:/bin' },
          },
          ...{ cwd: '/', command: ['/bin/sh', '-c', script], tellsFirstPid: true },
        },
        { isRoot },
      );
      const result = await runTool(file, args, {
        ...{ env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, cwd: '/', signal: new AbortController().signal },
        ...{ killSignal: 'SIGKILL', onOutput: () => undefined, isSandbox: true },
      });
      expect(result).toEqual({ ok: true });
      const times = () => readdirSync(folder).map((name) => statSync(join(folder, name), { bigint: true }).mtimeNs);
      const first = times();
      // What still ran would write thousands of times while this looks.
      for (let look = 0; look < 40; look += 1) expect(times()).toEqual(first);
    },
  );
});
