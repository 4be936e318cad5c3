import type { BuildKitOrder, BuildOrder } from '@wherry/contract';
import { RegistryError } from '@wherry/registry';
import { BuildFailure } from './build-failure';

type Limits = Pick<BuildOrder['limits'], 'memoryMiB' | 'diskMiB'>;
const unreachable = 'The build daemon cannot be reached. Push again; if it stays so, ask the operator.';
type Rule = readonly [RegExp, (match: RegExpExecArray) => string];

const lost =
  'The build daemon ended while it built: most likely the build used more memory or disk than a daemon has. ' +
  'Make it need less, then push again.';

/**
 * Why an image could not be built, for its developer.
 * @param text the errors of the build's steps and buildctl's last words.
 */
export function explainImageFailure(text: string, registry: BuildKitOrder['registry'], limits: Limits): string {
  for (const [pattern, reason] of rules(registry, limits)) {
    const match = pattern.exec(text);
    if (match) return reason(match);
  }
  const said = /(?:^|\n)(?:error: )?(?:failed to solve: )?([^\n]+)\n*$/.exec(text.trim())?.[1] ?? '';
  return said === ''
    ? 'The image could not be built. Its output says more; push again when it does not.'
    : `The image could not be built: ${said.slice(0, 500)}`;
}

/** The failure that a registry which gives no answer, or only that it is not well, is told as; null for other errors. */
export function asSilentRegistry(error: unknown): BuildFailure | null {
  if (!(error instanceof RegistryError)) return null;
  const isSilent = error.status === null ? error.cause !== undefined : error.status >= 500;
  return isSilent
    ? new BuildFailure('The registry of images does not answer. Push again; if it stays so, ask the operator.')
    : null;
}

/** In this order: what is told of last is often only what followed. */
function rules(registry: BuildKitOrder['registry'], { memoryMiB, diskMiB }: Limits): readonly Rule[] {
  const disk = `The build needs more disk than it may have (${diskMiB} MiB, and half of it for one file). Make it need less.`;
  return [
    [/no space left on device|disk quota exceeded|file too large|File size limit exceeded|exit code: 153/i, () => disk],
    [
      /process "(.+?)" did not complete successfully: (?:exit code: 137|.*signal: killed)/,
      ([, step = '']) =>
        `${shorten(step)} was killed, most likely because it used more than ${memoryMiB} MiB of memory. Make it need less.`,
    ],
    [
      /exec format error/,
      () =>
        'A program is for another kind of processor than this platform has. Take a base image for it, and no --platform.',
    ],
    [
      /(?:pthread_create failed|fork|can't fork|cannot fork|uv_thread_create).*(?:Resource temporarily unavailable|EAGAIN)/i,
      () => 'The build started more processes than it may. Make it start fewer.',
    ],
    [
      /process "(.+?)" did not complete successfully: exit code: (\d+)/,
      ([, step = '', code = '']) => `${shorten(step)} failed with exit code ${code}. Its output says why.`,
    ],
    [
      /([\w./:@-]+): failed to resolve source metadata for [^:]+[^\n]*no match for platform/,
      ([, image = '']) => `The image ${image} does not exist for this platform's processors. Choose another one.`,
    ],
    [
      /no match for platform in manifest/,
      () => `A base image does not exist for this platform's processors. Choose another one.`,
    ],
    ...accessRules(registry),
    [/dockerfile parse error[^\n]*/, ([said = '']) => `The Dockerfile cannot be read: ${said}`],
    [/Error while dialing|failed to list workers/, () => unreachable],
    [
      /error reading from server|code = Unavailable|connection refused|transport is closing|closing transport/,
      () => lost,
    ],
  ];
}

function accessRules({ host, user }: BuildKitOrder['registry']): readonly Rule[] {
  const isOwn = user === undefined;
  const denied =
    /insufficient_scope|authorization failed|401 Unauthorized|403 Forbidden|access denied|failed to authorize/;
  return [
    [
      new RegExp(`failed to resolve source metadata for ([^\\s:]*${escape(host)}\\S*):[^\\n]*(?:${denied.source})`),
      ([, image = '']) =>
        isOwn
          ? `The image ${image} belongs to somebody else, or does not exist. A build sees images of its own functions only.`
          : `The image ${image} does not exist, or the platform's login may not pull it. Correct its name in FROM.`,
    ],
    [
      /failed to resolve source metadata for (\S+): [^\n]*(?:not found|does not exist|insufficient_scope|authorization failed|denied)/,
      ([, image = '']) => `The image ${image} does not exist, or may not be used. Correct its name in FROM.`,
    ],
    [
      /failed to resolve source metadata for (\S+): [^\n]*/,
      ([, image = '']) => `The image ${image} cannot be reached. Push again; if it stays so, ask the operator.`,
    ],
    [
      new RegExp(`failed to push[^\\n]*(?:${denied.source})`),
      () =>
        isOwn
          ? 'The registry did not take the image, because the permission of this build has ended. Push again.'
          : "The registry did not take the image, because the platform's login may not push there. Ask the operator.",
    ],
    [
      /failed to push[^\n]*/,
      () => 'The registry did not take the image. Push again; if it stays so, ask the operator.',
    ],
  ];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A step as it is written in the Dockerfile, as far as it says something. */
function shorten(step: string): string {
  // The steps of Wherry's own templates, which all read this file.
  const tool = step.includes('/run/build-environment') && /npm run build|npm|pip install/.exec(step)?.[0];
  if (tool) return `"${tool === 'npm' ? 'npm install' : tool}"`;
  const command = step.replace(/^\/bin\/sh -c /, '').replace(/\s+/g, ' ');
  return `"${command.length > 120 ? `${command.slice(0, 117)}…` : command}"`;
}
