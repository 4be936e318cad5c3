import { writeAudit, type Actor } from '../../audit';
import type { Database } from '../../database';

export type VariableRow = Readonly<{ kind: 'build' | 'runtime'; name: string; value: string; updatedAt: Date }>;

type Named = Readonly<{ id: string; name: string }>;

/** Build and run-time variables of each environment. */
export class ConsoleVariableStore {
  constructor(private readonly db: Database) {}

  async list(tenantId: string, environmentId: string): Promise<readonly VariableRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<VariableRow[]>`
        select kind, name, value, updated_at as "updatedAt" from variables
        where environment_id = ${environmentId} order by kind, name`,
    );
  }

  /** Sets a variable; the last writer wins. @returns false when the environment was closed just now. */
  async put(tenantId: string, actor: Actor, environment: Named, variable: VariableRow): Promise<boolean> {
    const { kind, name, value, updatedAt } = variable;
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$executeRaw`
        insert into variables (tenant_id, environment_id, kind, name, value, updated_at)
        select e.tenant_id, e.id, ${kind}, ${name}, ${value}, ${updatedAt} from environments e
        where e.id = ${environment.id} and e.closed_at is null
        on conflict (tenant_id, environment_id, kind, name) do update
          set value = excluded.value, updated_at = excluded.updated_at`;
      const details = { environment: environment.name };
      const entry = { action: 'variable.set', target: `variable/${kind}/${name}`, details };
      if (changed > 0) await writeAudit(tx, tenantId, actor, entry);
      return changed > 0;
    });
  }

  /** @returns false when there was none. */
  async delete(
    tenantId: string,
    actor: Actor,
    environment: Named,
    { kind, name }: Pick<VariableRow, 'kind' | 'name'>,
  ): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const removed = await tx.$executeRaw`
        delete from variables where kind = ${kind} and name = ${name} and environment_id = ${environment.id}`;
      const entry = { action: 'variable.delete', target: `variable/${kind}/${name}` };
      if (removed > 0) await writeAudit(tx, tenantId, actor, { ...entry, details: { environment: environment.name } });
      return removed > 0;
    });
  }
}
