import { parseDeliveryFilter, type DeliveryFilter } from './delivery-filter';

/** What the address of the platform's GitHub page tells: how a registration ended, and what is looked at. */
export type SetupSearch = DeliveryFilter & Readonly<{ problem?: string; registered?: boolean }>;

export function parseSetupSearch(search: Readonly<Record<string, unknown>>): SetupSearch {
  const problem = typeof search['problem'] === 'string' ? search['problem'].slice(0, 100) : '';
  return {
    ...parseDeliveryFilter(search),
    ...(problem === '' ? {} : { problem }),
    ...(search['registered'] === true ? { registered: true } : {}),
  };
}

/** By the code that coming back from GitHub ended with. */
const problems: ReadonlyMap<string, string> = new Map([
  [
    'github.registration_invalid',
    'It was begun in another session, more than an hour ago, or was finished before. Begin it again here.',
  ],
  [
    'github.registration_failed',
    'GitHub did not hand the App over, or not in time. The App may be there all the same: delete it in the settings on GitHub, and begin again.',
  ],
  ['github.already_registered', 'Another App was registered meanwhile. Delete the new one in the settings on GitHub.'],
  [
    'github.sandbox_required',
    'This platform runs functions without a sandbox, and code from GitHub needs one. Start it where bubblewrap works.',
  ],
  ['request.forbidden', 'Only operators of the platform can register an App. Sign in as one, and begin again.'],
  ['request.unauthenticated', 'You were signed out meanwhile. Sign in as an operator, and begin again.'],
]);

/** Why a registration failed, and what to do. Codes come in an address, which anybody can write. */
export function registrationProblemText(code: string): string {
  return problems.get(code) ?? 'The App was not registered. Begin again; the log of the api tells why it failed.';
}

/** What an installation on GitHub came back as. */
export const installActions = ['install', 'update', 'request'] as const;
export type InstallAction = (typeof installActions)[number];
