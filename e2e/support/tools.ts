import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from '@playwright/test';

/** A program that is not part of Wherry and that a test needs. */
export type Tool = Readonly<{ name: string; isPresent: () => boolean; install: string }>;

const prints = (file: string, args: string[], text: string) => {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: 'pipe',
    }).includes(text);
  } catch {
    return false;
  }
};

export const chromium: Tool = {
  name: 'Chromium',
  isPresent: () => existsSync('/usr/bin/chromium'),
  install: 'apt-get install chromium',
};
export const bubblewrap: Tool = {
  name: 'bubblewrap',
  isPresent: () => prints('bwrap', ['--version'], 'bubblewrap'),
  install: 'apt-get install bubblewrap',
};
export const imageMagick: Tool = {
  name: 'ImageMagick',
  isPresent: () => prints('convert', ['-version'], 'ImageMagick'),
  install: 'apt-get install imagemagick',
};
export const pip: Tool = {
  name: 'pip for python3',
  isPresent: () => prints('python3', ['-m', 'pip', '--version'], 'pip'),
  install: 'apt-get install python3-pip',
};

/** Skips the test, saying how to get the tool; with WHERRY_REQUIRE_ALL=1 a missing tool is a failure. */
export function needs(tool: Tool): void {
  if (tool.isPresent()) return;
  const sentence = `${tool.name} is missing. Install it with: ${tool.install}`;
  if (process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(sentence);
  test.skip(true, sentence);
}
