import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A text, and the forms in which it could be stored unnoticed. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  // Base64 of the text alone, and as it looks when one or two bytes stand before it.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [text, ...shifted, bytes.toString('hex')];
}

export function isIn(text: string, forms: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return forms.some((form) => text.includes(form) || lower.includes(form.toLowerCase()));
}

/** Files below `folder` that hold one of the forms, relative to it. Sockets and pipes are left out. */
export function filesWith(folder: string, forms: readonly string[]): string[] {
  const patterns = forms.flatMap((form) => ['-e', form]);
  const { stdout, status } = spawnSync('grep', ['-rlaiF', '-D', 'skip', ...patterns, '.'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  // 2: a file went away while it was searched; what was found is still told.
  if (status === null) throw new Error('grep could not be run.');
  return stdout.split('\n').filter((line) => line !== '');
}

/** Pids whose command line or environment holds one of the forms. Those of other users are left out for a normal user. */
export function processesWith(forms: readonly string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => ['cmdline', 'environ'].some((file) => isIn(readOr(`/proc/${pid}/${file}`), forms)));
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // ended, or not ours
  }
}
