// What was said to a request that was refused.
import { RequestError } from '../../../helper/src/errors';

/** The error by which an action refuses; whatever else it throws is passed on. */
export function refusal(action: () => unknown): RequestError {
  try {
    action();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
