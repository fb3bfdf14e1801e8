// The only place that reads the bundle of what is rarely asked for: it has to lie beside it.
import type * as OnDemand from './on-demand';

/** Reads it when it is first asked for. */
export const onDemand = (): Promise<typeof OnDemand> => import('./on-demand');
