import { useQuery } from '@tanstack/react-query';
import { useTenant } from '../session/session';
import type { UsageRange } from '../usage/usage-hours';
import { functionUsageQuery } from '../usage/usage-queries';
import { UsageView } from '../usage/usage-view';

type Props = Readonly<{ name: string; range: UsageRange; onRange: (range: UsageRange) => void }>;

/** What one function used. */
export function FunctionUsage({ name, range, onRange }: Props) {
  const { slug } = useTenant();
  return <UsageView query={useQuery(functionUsageQuery(slug, name, range))} range={range} onRange={onRange} />;
}
