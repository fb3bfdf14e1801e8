export interface Adapter {
  command: string;
  arguments: string[];
}

/** debugpy's adapter, run by the first Python that has it. Throws when none has it. */
export function findDebugpy(): Promise<Adapter>;
/** LLDB's adapter. Throws when there is none. */
export function findLldb(): Promise<Adapter>;
