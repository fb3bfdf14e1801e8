// `procnetmon serve`: one conversation in JSON-RPC over a pair of streams.
import type { Readable, Writable } from 'node:stream';
import type { DoctorReport } from '../../../src/shared/protocol';
import type { Caller } from '../access';
import type { Kernel } from '../kernel';

export interface ServeOptions {
  kernel: Kernel;
  caller: Caller;
  input: Readable;
  output: Writable;
  /** Version of the helper, given to the client. */
  version: string;
  /** Answers the request `doctor`. */
  doctor(this: void): DoctorReport | Promise<DoctorReport>;
  /** Lines for people, for standard error. */
  log?(this: void, line: string): void;
}

/** Serves one client until it leaves. Resolves with the exit status of the process. */
export function serve(options: ServeOptions): Promise<number> {
  return Promise.reject(new Error(`being written ${options.version}`));
}
