// How every program of the shop ends: in order, on Ctrl+C, on SIGTERM, and when its parent is gone.

/**
 * Calls `cleanUp` once when the process is asked to stop, then lets it end by itself. A process that still
 * has work after two seconds is ended.
 *
 * @param {() => void} cleanUp closes servers, sockets and timers
 */
export function whenStopped(cleanUp) {
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    cleanUp();
    // The channel to the parent would keep the process alive.
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(0), 2_000).unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A debugger may end the parent without any signal to the children; the closed channel tells them.
  if (process.connected) process.on('disconnect', stop);
}
