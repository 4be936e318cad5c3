import type { Database } from '../../database';

/** Something that was found out about the platform. `detail`: a sentence; when not ok, one that tells what to do. */
export type PlatformCheck = Readonly<{ name: string; isOk: boolean; detail: string }>;
export type RecordedCheck = PlatformCheck & Readonly<{ ageMs: number }>;

/** What the controller found out about the platform itself; the api shows it. */
export class PlatformCheckStore {
  constructor(private readonly db: Database) {}

  /** Writes an outcome over the former one. */
  async write({ name, isOk, detail }: PlatformCheck): Promise<void> {
    await this.db.plain(
      (tx) => tx.$executeRaw`
        insert into platform_checks (name, ok, detail) values (${name}, ${isOk}, ${detail})
        on conflict (name) do update set ok = excluded.ok, detail = excluded.detail, checked_at = now()`,
    );
  }

  /** The last outcome, by whichever controller; null when there was none. */
  async read(name: string): Promise<RecordedCheck | null> {
    const rows = await this.db.plain(
      (tx) => tx.$queryRaw<RecordedCheck[]>`
        select name, ok as "isOk", detail, (extract(epoch from clock_timestamp() - checked_at) * 1000)::float8 as "ageMs"
        from platform_checks where name = ${name}`,
    );
    return rows[0] ?? null;
  }
}
