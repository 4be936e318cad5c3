export const deliveryStatuses = ['received', 'done', 'ignored', 'failed'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What narrows a list of deliveries, as it stands in the page's address. */
export type DeliveryFilter = Readonly<{ status?: DeliveryStatus; event?: string }>;

/** The filter in an address. What is not understood is left out: an address is typed by people. */
export function parseDeliveryFilter(search: Readonly<Record<string, unknown>>): DeliveryFilter {
  const status = deliveryStatuses.find((name) => name === search['status']);
  const event = typeof search['event'] === 'string' && /^[a-z_]{1,64}$/.test(search['event']) ? search['event'] : null;
  return { ...(status ? { status } : {}), ...(event ? { event } : {}) };
}
