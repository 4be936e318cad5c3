export * from './activity-store';
export * from './gateway-store';
export * from './receipt-store';
export * from './routing-store';
