export * from './admission';
export * from './functions-namespace';
export * from './network-policies';
export * from './settings';
