import { useQuery } from '@tanstack/react-query';
import { usePlace } from '../session/place';
import type { UsageRange } from '../usage/usage-hours';
import { functionUsageQuery } from '../usage/usage-queries';
import { UsageView } from '../usage/usage-view';

type Props = Readonly<{ name: string; range: UsageRange; onRange: (range: UsageRange) => void }>;

/** What one function used. */
export function FunctionUsage({ name, range, onRange }: Props) {
  const place = usePlace();
  return <UsageView query={useQuery(functionUsageQuery(place, name, range))} range={range} onRange={onRange} />;
}
