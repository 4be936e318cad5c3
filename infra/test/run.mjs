// Runs test tiers one after the other, shows their output, and ends with one line: N passed, N failed, N skipped.
// Usage: node infra/test/run.mjs <tier> [<tier> …] [--context NAME [--registry HOST]]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { withCluster } from './cluster.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const reports = mkdtempSync(path.join(tmpdir(), 'wherry-reports-'));

const tiers = {
  lint: () => check('lint', 'npm', ['run', '--silent', '--ignore-scripts', 'lint']),
  typecheck: () => check('typecheck', 'npm', ['run', '--silent', '--ignore-scripts', 'typecheck']),
  unit: () => vitest('unit'),
  medium: () => vitest('medium'),
  e2e: () => playwright('e2e'),
  faults: () => playwright('faults'),
  cluster: () => cluster(),
};
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { context: { type: 'string' }, registry: { type: 'string' } },
});

const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of positionals) {
  if (!tiers[name]) throw new Error(`There is no test tier "${name}"; there are: ${Object.keys(tiers).join(', ')}.`);
  const startedAt = performance.now();
  const counts = await tiers[name]();
  for (const key of Object.keys(total)) total[key] += counts[key];
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`— ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${seconds} s)`);
}
rmSync(reports, { recursive: true, force: true });
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function run(file, args, env = {}) {
  const done = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, NX_DAEMON: 'false', ...env },
  });
  return done.status === 0;
}

function check(name, file, args) {
  return run(file, args) ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function vitest(project) {
  return vitestCounts(project, run(bin('vitest'), vitestArguments(project)));
}

/** Tests on a cluster. What stops them, a signal included, counts as a failure after the cluster is down again. */
async function cluster() {
  try {
    return await withCluster(options, async (env, spawnTests) => {
      const settings = { cwd: root, env: { ...process.env, NX_DAEMON: 'false', ...env } };
      return vitestCounts('cluster', await spawnTests(bin('vitest'), vitestArguments('cluster'), settings));
    });
  } catch (error) {
    console.error(error.message);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function vitestArguments(project) {
  const output = `--outputFile.json=${path.join(reports, `${project}.json`)}`;
  return ['run', '--project', project, '--reporter=default', '--reporter=json', output];
}

function vitestCounts(project, isGreen) {
  const report = read(path.join(reports, `${project}.json`));
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const failed = report.numFailedTests + (report.numFailedTests === 0 && !isGreen ? 1 : 0);
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}

function playwright(project) {
  const file = path.join(reports, `${project}.json`);
  const isGreen = run(
    bin('playwright'),
    ['test', '--config', 'e2e/playwright.config.ts', '--project', project, '--reporter=list,json'],
    { PLAYWRIGHT_JSON_OUTPUT_NAME: file },
  );
  const stats = read(file)?.stats;
  if (!stats) return { passed: 0, failed: 1, skipped: 0 };
  const failed = stats.unexpected + (stats.unexpected === 0 && !isGreen ? 1 : 0);
  // A test that passed only on a second try is a defect of the test or of the product: it counts as failed.
  return { passed: stats.expected, failed: failed + stats.flaky, skipped: stats.skipped };
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
