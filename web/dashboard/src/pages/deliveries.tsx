import { Stack } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { TextLink } from '../components/links';
import { PageHeader } from '../components/page-header';
import { DeliveryFilters, DeliveryList, eventOf } from '../modules/github/delivery-list';
import { deliveriesQuery, type Delivery } from '../modules/github/delivery-queries';
import { useTenant } from '../modules/session/session';

/** What GitHub told of this tenant, and what became of it. */
export function Deliveries() {
  const { slug, can } = useTenant();
  const filter = useSearch({ from: '/console/t/$tenant/deliveries' });
  const navigate = useNavigate({ from: '/t/$tenant/deliveries' });
  const query = useInfiniteQuery(deliveriesQuery(slug, filter));
  const linkTo = (delivery: Delivery) => (
    <TextLink to="/t/$tenant/deliveries/$delivery" params={{ tenant: slug, delivery: delivery.id }} fw={600} size="sm">
      {eventOf(delivery)}
    </TextLink>
  );
  return (
    <Stack gap="lg">
      <PageHeader
        title="Deliveries"
        description="Each thing that GitHub told Wherry about this tenant, and what Wherry did about it."
        actions={<DeliveryFilters filter={filter} onFilter={(search) => navigate({ search, replace: true })} />}
      />
      <DeliveryList
        query={query}
        isFiltered={Object.keys(filter).length > 0}
        none="A push to a connected repository, or a pull request there, brings the first one."
        linkTo={can('developer') ? linkTo : undefined}
      />
    </Stack>
  );
}
