import { writeAudit, type Actor } from '../../audit';
import type { Database } from '../../database';

export type VariableRow = Readonly<{ kind: 'build' | 'runtime'; name: string; value: string; updatedAt: Date }>;

/** Build and run-time variables of the production environment. */
export class ConsoleVariableStore {
  constructor(private readonly db: Database) {}

  async list(tenantId: string): Promise<readonly VariableRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<VariableRow[]>`
        select v.kind, v.name, v.value, v.updated_at as "updatedAt" from variables v
        join environments e on e.tenant_id = v.tenant_id and e.id = v.environment_id and e.kind = 'production'
        order by v.kind, v.name`,
    );
  }

  /** Sets a variable; the last writer wins. */
  async put(tenantId: string, actor: Actor, variable: VariableRow): Promise<void> {
    const { kind, name, value, updatedAt } = variable;
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        insert into variables (tenant_id, environment_id, kind, name, value, updated_at)
        select e.tenant_id, e.id, ${kind}, ${name}, ${value}, ${updatedAt} from environments e
        where e.kind = 'production'
        on conflict (tenant_id, environment_id, kind, name) do update
          set value = excluded.value, updated_at = excluded.updated_at`;
      await writeAudit(tx, tenantId, actor, { action: 'variable.set', target: `variable/${kind}/${name}` });
    });
  }

  /** @returns false when there was none. */
  async delete(tenantId: string, actor: Actor, kind: 'build' | 'runtime', name: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const removed = await tx.$executeRaw`
        delete from variables where kind = ${kind} and name = ${name}
          and environment_id in (select id from environments where kind = 'production')`;
      const target = `variable/${kind}/${name}`;
      if (removed > 0) await writeAudit(tx, tenantId, actor, { action: 'variable.delete', target });
      return removed > 0;
    });
  }
}
