// Runs test tiers one after the other, shows their output, and ends with one line: N passed, N failed, N skipped.
// Usage: node infra/test/run.mjs <tier> [<tier> …]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

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
};

const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of process.argv.slice(2)) {
  if (!tiers[name]) throw new Error(`There is no test tier "${name}"; there are: ${Object.keys(tiers).join(', ')}.`);
  const startedAt = performance.now();
  const counts = tiers[name]();
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
  const file = path.join(reports, `${project}.json`);
  const isGreen = run(bin('vitest'), [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  const report = read(file);
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
