#include "event_loop.h"

#include "error.h"

#include <uv.h>

namespace procnetmon {

void renew_event_loop(Napi::Env env)
{
	uv_loop_s *loop = nullptr;

	if (napi_get_uv_event_loop(env, &loop) != napi_ok)
		throw KernelError("napi_get_uv_event_loop", EINVAL);
	// Meant for a child process: closes everything that the loop has in the kernel, and opens it again as
	// far as it can be had. Handles and requests stay.
	if (const int error = uv_loop_fork(loop))
		throw KernelError("uv_loop_fork", -error);
	// It overlooks descriptors that wait for a change of their registration: that is their first one now.
	for (unsigned number = 0; number < loop->nwatchers; number++)
		if (uv__io_s *watcher = loop->watchers[number])
			watcher->events = 0;
}

} // namespace procnetmon
