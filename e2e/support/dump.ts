import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

/** Every row of every table that is not PostgreSQL's own, as text, read by the owner of the embedded server. */
export async function dumpDatabase(home: string): Promise<string> {
  const password = readFileSync(path.join(home, 'secrets', 'postgres-owner.password'), 'utf8').trim();
  const client = new pg.Client({ host: path.join(home, 'run', 'pg'), user: 'wherry', database: 'wherry', password });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema)'`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(name, ...rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}
