import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { checkout, invoke, Repository } from '@wherry/harness';
import { expect, test } from '../support/platform-test';
import { bubblewrap, imageMagick, needs, pip } from '../support/tools';

/** Pushes a bundled example as it is, with the real git. */
async function pushExample(gitUrl: string, name: string): Promise<void> {
  const repository = await Repository.create(gitUrl, name);
  try {
    repository.copy(path.join(checkout, 'builder', 'examples', name));
    await repository.commit({});
    const push = await repository.push();
    expect(push.output, `the push of ${name}`).toContain('Live:');
  } finally {
    repository.remove();
  }
}

/** Format and size of a picture, as ImageMagick reads them: not the library that made it. */
const identify = (picture: Buffer): string =>
  execFileSync('/usr/bin/identify', ['-format', '%m %w %h %[colorspace]', '-'], { input: picture, encoding: 'utf8' });

test('the picture that resize answers has the wished width, as another tool reads it', async ({ platform }) => {
  needs(imageMagick);
  needs(bubblewrap); // sharp's packages have install scripts
  await pushExample(platform.local.gitUrl, 'resize');
  const bundled = await invoke(platform, '/resize/?width=300&format=png');
  expect(identify(bundled.body)).toContain('PNG 300 169');
  const posted = await invoke(platform, '/resize/?width=120&format=jpeg', {
    body: bundled.body,
    headers: { 'content-type': 'image/png' },
  });
  expect(identify(posted.body)).toContain('JPEG 120 68');
  const nonsense = await invoke(platform, '/resize/', { body: 'no picture', headers: { 'content-type': 'image/png' } });
  expect([nonsense.status, nonsense.text]).toEqual([415, expect.stringContaining('not a picture')]);
});

test('markdown turns Markdown into HTML and takes scripts out', async ({ platform }) => {
  needs(pip);
  await pushExample(platform.local.gitUrl, 'markdown');
  const body = '# Title\n\n~~gone~~ <img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n';
  const { text, headers } = await invoke(platform, '/markdown/', {
    body,
    headers: { 'content-type': 'text/markdown' },
  });
  expect(headers['content-type']).toContain('text/html');
  expect(text).toContain('<h1>Title</h1>');
  expect(text).toContain('<del>gone</del>');
  expect(text).toContain('<td>1</td>');
  expect(text).not.toContain('onerror=alert');
});

test('filter answers a gray drawing of the picture that was posted', async ({ platform }) => {
  needs(imageMagick);
  await pushExample(platform.local.gitUrl, 'filter');
  const picture = execFileSync('/usr/bin/convert', ['-size', '64x48', 'gradient:red-blue', 'png:-']);
  const drawn = await invoke(platform, '/filter/charcoal', { body: picture, headers: { 'content-type': 'image/png' } });
  expect(drawn.headers['content-type']).toBe('image/png');
  expect(identify(drawn.body)).toMatch(/^PNG 64 48 Gray/);
  expect(identify(picture)).not.toContain('Gray');
  const unknown = await invoke(platform, '/filter/nothing', { body: picture });
  expect(unknown.status).toBe(500);
});

test('index answers the root, and every path whose first part names no function', async ({ platform }) => {
  await pushExample(platform.local.gitUrl, 'index');
  const home = await invoke(platform, '/');
  expect(home.text).toContain('<h1>Functions on the water</h1>');
  const other = await invoke(platform, '/no-such-function/at/all');
  expect([other.status, other.text]).toEqual([404, expect.stringContaining('Nothing is moored here')]);
});
