// The two ways in which the helper refuses: a request that cannot be served, and a start that cannot succeed.
import type { ErrorCode } from '../../src/shared/protocol';

export type RequestErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** A request that is refused. `message` says what is wrong, `remedy` what to do about it; both are sentences. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    readonly code: RequestErrorCode,
    message: string,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

/** Exit statuses of the helper when it cannot start. */
export const ExitStatus = {
  Success: 0,
  Failure: 1,
  Usage: 2,
  NoRights: 3,
  KernelUnsuitable: 4,
  NoCgroup: 5,
  /** As many helpers count on this machine as can. */
  TooManyHelpers: 6,
  /** Process ids here are not those that the kernel counts by. */
  ProcessNamespace: 7,
} as const;

export type StartupStatus = Exclude<(typeof ExitStatus)[keyof typeof ExitStatus], 0>;

/** A start that cannot succeed. `message` says why, `remedy` what to do; `status` is the exit status. */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  constructor(
    readonly status: StartupStatus,
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Name of the errno behind an error of the system or of the kernel boundary; empty where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The operation on the kernel that failed, as the addon names it; empty for other errors. */
export function errorOperation(error: unknown): string {
  return error instanceof Error && 'operation' in error && typeof error.operation === 'string'
    ? error.operation
    : '';
}

/** Whatever was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
