// Which processes a caller may see: those that the caller could trace.

/** The user on whose behalf the helper works. What this user could trace decides what can be seen. */
export interface Caller {
  uid: number;
  gid: number;
}
