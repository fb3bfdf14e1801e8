// Node's event loop, as far as the filter of system calls concerns it.
#pragma once

#include <napi.h>

namespace procnetmon {

/// Lets the event loop of Node go on without io_uring, by which it registers descriptors where the kernel has
/// it: what goes through a ring is out of the filter's sight, so the filter takes it away. To be called once
/// `confine` has returned, and outside of the loop's own polling: from a script that is being loaded, or from
/// setImmediate.
void renew_event_loop(Napi::Env env);

} // namespace procnetmon
