import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { placeSearch, production, usePlace } from '../session/place';
import { useTenant } from '../session/session';
import { previewName, previewsQuery } from './preview-queries';

const all = 'all';

type Props = Readonly<{
  /** By name; null for all of them. */
  environment: string | null;
  onChange: (environment: string | null) => void;
  /** Whether all of them can be chosen at once. */
  hasAll?: boolean;
}>;

/** Chooses production or one of the previews that are open; nothing as long as there are none. */
export function EnvironmentChoice({ environment, onChange, hasAll = false }: Props) {
  const { slug } = useTenant();
  const { data: previews = [] } = useQuery(previewsQuery(slug));
  const value = environment ?? all;
  const choices = [
    ...(hasAll ? [{ value: all, label: 'All environments' }] : []),
    { value: production, label: 'Production' },
    ...previews.map((preview) => ({ value: preview.environment, label: previewName(preview) })),
  ];
  const isKnown = choices.some((choice) => choice.value === value);
  if (previews.length === 0 && isKnown) return null;
  return (
    <Select
      aria-label="Environment"
      w={200}
      value={value}
      onChange={(chosen) => onChange(chosen === all ? null : chosen)}
      // One that was closed meanwhile is still what is looked at.
      data={isKnown ? choices : [...choices, { value, label: value }]}
    />
  );
}

/** Chooses the environment of the page that one is at, which is in its address. */
export function PlaceChoice() {
  const { environment } = usePlace();
  const navigate = useNavigate();
  return (
    <EnvironmentChoice
      environment={environment}
      onChange={(chosen) => navigate({ to: '.', search: placeSearch(chosen ?? production) })}
    />
  );
}
