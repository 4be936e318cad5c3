import { Card, Group, Text } from '@mantine/core';
import { countOf } from '../../components/format';
import { TextLink } from '../../components/links';
import { UrlLine } from '../../components/url-line';
import { placeSearch } from '../session/place';
import { useTenant } from '../session/session';
import classes from './function-list.module.css';
import type { WherryFunction } from './function-queries';
import { FunctionStatus } from './function-status';

/** One row per function: what it is, how it is, how much it does. */
export function FunctionList({ functions }: { functions: readonly WherryFunction[] }) {
  return (
    <Card p={0} component="ul" className={classes.list} aria-label="Functions">
      {functions.map((fn) => (
        <FunctionRow key={fn.id} fn={fn} />
      ))}
    </Card>
  );
}

function FunctionRow({ fn }: { fn: WherryFunction }) {
  const { slug } = useTenant();
  const { invocations, errors } = fn.recent;
  return (
    <li className={classes.row}>
      <div className={classes.name}>
        <TextLink
          to="/t/$tenant/functions/$function"
          params={{ tenant: slug, function: fn.name }}
          search={placeSearch(fn.environment)}
          fw={600}
          c="var(--mantine-color-text)"
        >
          {fn.name}
        </TextLink>
        <UrlLine url={fn.url} of={fn.name} />
      </div>
      <div className={classes.status}>
        <FunctionStatus status={fn.status} />
        <Text size="xs" c="dimmed">
          {replicasOf(fn)}
        </Text>
      </div>
      <div className={classes.calls} title="Since the start of the hour before this one.">
        <Text size="sm">{countOf(invocations, 'call')}</Text>
        <Text size="xs" c={errors > 0 ? 'var(--tone-bad)' : 'dimmed'}>
          {errors > 0 ? countOf(errors, 'error') : 'no errors'}
        </Text>
      </div>
      <Group className={classes.source} gap={4} miw={0}>
        <Text size="sm" truncate title={sourceOf(fn)}>
          {sourceOf(fn)}
        </Text>
        <Text size="xs" c="dimmed">
          {fn.revision ? `revision ${fn.revision.number}` : 'no revision yet'}
        </Text>
      </Group>
    </li>
  );
}

function replicasOf({ replicas: { ready, desired } }: WherryFunction): string {
  if (desired === 0 && ready === 0) return 'no replicas';
  return ready === desired ? countOf(ready, 'replica') : `${ready} of ${countOf(desired, 'replica')}`;
}

/** Where its code comes from: the repository, and the folder when it is not the root. */
export function sourceOf({ repository, rootDir }: Readonly<{ repository: string; rootDir: string }>): string {
  return rootDir === '.' ? repository : `${repository}/${rootDir}`;
}
