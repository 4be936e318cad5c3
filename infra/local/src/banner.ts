import type { LocalState } from '@wherry/contract';
import type { ExampleResult } from './examples';

type Print = (line: string) => void;

const functionsUrl = (local: LocalState) =>
  `http://${local.tenant}.${local.appsDomain}:${new URL(local.gatewayUrl).port}`;

/** What a person needs first: where to sign in, where functions are, what to paste. */
export function printWelcome(local: LocalState, print: Print): void {
  print('');
  print('Wherry is ready.');
  print('');
  print(`  Dashboard   ${local.loginUrl}   (this link signs in once)`);
  print(`  Functions   ${functionsUrl(local)}/<function>/`);
  print('');
  print('  Deploy a repository of your own:');
  print('');
  print(`    git remote add wherry ${local.gitUrl}/my-app.git`);
  print('    git push wherry HEAD:main');
  print('');
  if (local.sandbox === 'none') {
    print('  WARNING: bubblewrap does not work here, so builds and functions run WITHOUT A SANDBOX, as your own user.');
    print('  Only push code that you trust. Secrets and further tenants are refused. On Debian and Ubuntu:');
    print('    apt-get install bubblewrap');
    print('');
  }
}

/** Says what became of each example. */
export function printExamples(results: readonly ExampleResult[], local: LocalState, print: Print): void {
  for (const { name, outcome, detail } of results) {
    if (outcome === 'pushed') print(`  Example ${name}: ${functionsUrl(local)}/${name === 'index' ? '' : `${name}/`}`);
    else if (outcome === 'skipped') print(`  Example ${name} was skipped. ${detail}`);
    else print(`  Example ${name} failed:\n${detail.trim().replace(/^/gm, '    ')}`);
  }
  print('');
}
