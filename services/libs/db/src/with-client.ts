import pg from 'pg';

/** Runs `work` on a connection of its own, outside any pool, and ends it. For setup and for single statements. */
export async function withClient<T>(
  url: string,
  applicationName: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: applicationName });
  // A lost connection fails the query that waits on it; unheard, this event would end the process as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
