/** Null when all is well, else a sentence that says what is not. */
export type Check = () => string | null | Promise<string | null>;

/** Ready while the database answers. `ask` is any query that must succeed. */
export function databaseCheck(
  database: Readonly<{ plain: (work: (tx: Queries) => Promise<unknown>) => unknown }>,
): Check {
  return async () => {
    try {
      await database.plain((tx) => tx.$queryRawUnsafe('select 1'));
      return null;
    } catch {
      return 'The database does not answer.';
    }
  };
}

type Queries = Readonly<{ $queryRawUnsafe: (text: string) => Promise<unknown> }>;

/** Ready while notifications are heard. */
export function listenerCheck(listener: Readonly<{ isConnected: boolean }>): Check {
  return () => (listener.isConnected ? null : 'The connection that hears of changes is lost; it is being made again.');
}
