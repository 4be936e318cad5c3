import { withClient } from '@wherry/db';
import { codeOf } from './explain-failure';

export type Patience = Readonly<{
  waitMs: number;
  elapsedMs: () => number;
  pause: (ms: number) => Promise<void>;
  /** Told the first refusal of each kind. */
  onWait: (code: string, error: unknown) => void;
}>;

const pauseMs = 1_000;
/** Waiting changes nothing about these: the password, the role's right to log in, a database that does not exist. */
const final = new Set(['28P01', '28000', '3D000']);

/**
 * Returns when the database answers a query. A server that starts, and a name that does not resolve yet, are waited for.
 * @throws Error that says what to look at, when it refuses for good or the time is over.
 */
export async function waitForDatabase(url: string, { waitMs, elapsedMs, pause, onWait }: Patience): Promise<void> {
  const deadline = elapsedMs() + waitMs;
  const told = new Set<string>();
  for (;;) {
    try {
      await withClient(url, 'setup', (client) => client.query('select 1'));
      return;
    } catch (cause) {
      const code = codeOf(cause) ?? 'unknown';
      if (final.has(code)) {
        throw new Error('The database refuses the owner. Check the connection string and that the database is there.', {
          cause,
        });
      }
      if (elapsedMs() + pauseMs > deadline) {
        const seconds = Math.round(waitMs / 1_000);
        throw new Error(
          `The database did not answer within ${seconds} s. Check its address and the network policies.`,
          {
            cause,
          },
        );
      }
      if (!told.has(code)) onWait(code, cause);
      told.add(code);
      await pause(pauseMs);
    }
  }
}
