import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { benchCluster } from './cluster';
import { benchLocal } from './local';
import { report, type Row } from './report';
import { benchStorm } from './storm';
import { benchWebhooks } from './webhooks';

const groups: Record<string, (home: string, ids: readonly string[]) => Promise<Row[]>> = {
  local: benchLocal,
  webhooks: benchWebhooks,
  storm: benchStorm,
  cluster: benchCluster,
};

const asked = process.argv.slice(2);
const ids = asked.filter((name) => name.startsWith('k8s-'));
const wished = asked.filter((name) => !ids.includes(name));
const unknown = wished.filter((name) => !groups[name]);
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown.join(', ')}"; there are: ${Object.keys(groups).join(', ')}.`);
  process.exit(2);
}
const home = process.env.WHERRY_HOME ?? path.join(tmpdir(), `wherry-bench-${process.pid}`);
mkdirSync(home, { recursive: true, mode: 0o700 });
const rows: Row[] = [];
for (const name of wished.length > 0 ? wished : Object.keys(groups))
  rows.push(...((await groups[name]?.(home, ids)) ?? []));
report(rows, path.join(home, 'bench.json'));
if (!process.env.WHERRY_HOME)
  for (const name of ['postgres', 'repositories', 'artifacts'])
    rmSync(path.join(home, name), { recursive: true, force: true });
