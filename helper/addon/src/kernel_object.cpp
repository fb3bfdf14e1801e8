#include "kernel_object.h"

#include "boundary.h"
#include "values.h"

#include <string>

namespace procnetmon {
namespace {

uint32_t process_id(const Napi::Value &value)
{
	const uint32_t id = to_u32(value, "processId");

	if (id == 0 || id > INT32_MAX)
		throw KernelError("processId", ESRCH, "process " + std::to_string(id));
	return id;
}

uint32_t interface_index(const Napi::Value &value)
{
	const uint32_t index = to_u32(value, "index");

	if (index == 0 || index > INT32_MAX)
		throw KernelError("index", ENODEV, "interface " + std::to_string(index));
	return index;
}

uv_loop_t *loop_of(Napi::Env env)
{
	uv_loop_t *loop = nullptr;

	if (napi_get_uv_event_loop(env, &loop) != napi_ok)
		throw Napi::Error::New(env, "no event loop");
	return loop;
}

void check_loop(int result, const char *operation)
{
	if (result)
		throw KernelError(operation, -result);
}

// What a callback of JavaScript throws while nobody is there to catch it.
void report_uncaught(Napi::Env env, const Napi::Error &error)
{
	napi_fatal_exception(env, error.Value());
}

} // namespace

Napi::FunctionReference KernelObject::define(Napi::Env env)
{
	const Napi::Function constructor =
	    DefineClass(env, "Kernel",
			{
			    InstanceAccessor<&KernelObject::attachment>("attachment"),
			    InstanceAccessor<&KernelObject::process_events>("processEvents"),
			    InstanceMethod<&KernelObject::interfaces>("interfaces"),
			    InstanceMethod<&KernelObject::attach_interface>("attachInterface"),
			    InstanceMethod<&KernelObject::detach_interface>("detachInterface"),
			    InstanceMethod<&KernelObject::watch>("watch"),
			    InstanceMethod<&KernelObject::unwatch>("unwatch"),
			    InstanceMethod<&KernelObject::read_flows>("readFlows"),
			    InstanceMethod<&KernelObject::describe_flow>("describeFlow"),
			    InstanceMethod<&KernelObject::retire_flow>("retireFlow"),
			    InstanceMethod<&KernelObject::recycle_flow>("recycleFlow"),
			    InstanceMethod<&KernelObject::settle_flows>("settleFlows"),
			    InstanceMethod<&KernelObject::inspect_flow>("inspectFlow"),
			    InstanceMethod<&KernelObject::collect_samples>("collectSamples"),
			    InstanceMethod<&KernelObject::read_overflow>("readOverflow"),
			    InstanceMethod<&KernelObject::statistics>("statistics"),
			    InstanceMethod<&KernelObject::adopt_sockets>("adoptSockets"),
			    InstanceMethod<&KernelObject::listen>("listen"),
			    InstanceMethod<&KernelObject::close>("close"),
			});

	return Napi::Persistent(constructor);
}

Napi::Object KernelObject::wrap(Napi::Env env, std::unique_ptr<Kernel> kernel)
{
	auto *constructor = env.GetInstanceData<Napi::FunctionReference>();

	if (!constructor) {
		constructor = new Napi::FunctionReference(define(env));
		env.SetInstanceData(constructor); // which deletes it with the environment
	}
	const Napi::Object object = constructor->New({});

	Unwrap(object)->kernel_ = std::move(kernel);
	return object;
}

KernelObject::KernelObject(const Napi::CallbackInfo &info) : Napi::ObjectWrap<KernelObject>(info)
{
}

KernelObject::~KernelObject()
{
	shut_down();
}

Kernel &KernelObject::kernel() const
{
	if (!kernel_)
		throw KernelError("Kernel", EBADF, "it was closed");
	return *kernel_;
}

Napi::Value KernelObject::attachment(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		return Napi::String::New(info.Env(),
					 kernel().attachment() == Attachment::Tcx ? "tcx" : "clsact");
	});
}

Napi::Value KernelObject::process_events(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(),
		       [&] { return Napi::Boolean::New(info.Env(), kernel().has_process_events()); });
}

Napi::Value KernelObject::interfaces(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] { return to_javascript(info.Env(), kernel().interfaces()); });
}

Napi::Value KernelObject::attach_interface(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().attach_interface(interface_index(info[0]));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::detach_interface(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().detach_interface(interface_index(info[0]));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::watch(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().watch(process_id(info[0]),
			       {.follows_children = to_boolean(info[1], "followChildren"),
				.is_inspected = !info[2].IsUndefined() && to_boolean(info[2], "inspect")});
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::unwatch(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().unwatch(process_id(info[0]));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::read_flows(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		if (!info[0].IsTypedArray() ||
		    info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array)
			throw Napi::TypeError::New(info.Env(), "rows must be a Float64Array");
		auto rows = info[0].As<Napi::Float64Array>();
		const size_t count =
		    kernel().flow_pool().read(rows.Data(), rows.ElementLength() / FlowPool::columns);

		return Napi::Number::New(info.Env(), static_cast<double>(count));
	});
}

Napi::Value KernelObject::describe_flow(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const uint32_t slot = to_u32(info[0], "slot");
		const auto flow = kernel().flow_pool().describe(slot);

		return flow ? to_javascript(info.Env(), slot, *flow) : info.Env().Undefined();
	});
}

Napi::Value KernelObject::retire_flow(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().flow_pool().retire(to_u32(info[0], "slot"));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::recycle_flow(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		kernel().flow_pool().recycle(to_u32(info[0], "slot"));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::inspect_flow(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const uint32_t slot = to_u32(info[0], "slot");
		const uint64_t cookie = to_u64(info[1], "socketCookie");

		kernel().flow_pool().inspect(slot, cookie, static_cast<uint8_t>(to_u32(info[2], "wanted")),
					     to_u32(info[3], "messageCredit"));
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::collect_samples(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&]() -> Napi::Value {
		const std::vector<PayloadSample> samples = kernel().collect_samples();

		if (!callback_.IsEmpty())
			hand_out_events();
		return to_javascript(info.Env(), samples);
	});
}

Napi::Value KernelObject::settle_flows(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		if (!info[0].IsTypedArray() ||
		    info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
			throw Napi::TypeError::New(info.Env(), "slots must be a Uint32Array");
		auto slots = info[0].As<Napi::Uint32Array>();

		kernel().flow_pool().settle({slots.Data(), slots.ElementLength()});
		return info.Env().Undefined();
	});
}

Napi::Value KernelObject::read_overflow(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] { return to_javascript(info.Env(), kernel().overflow()); });
}

Napi::Value KernelObject::statistics(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] { return to_javascript(info.Env(), kernel().statistics()); });
}

Napi::Value KernelObject::adopt_sockets(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		return Napi::Number::New(info.Env(), kernel().socket_adoption().adopt(process_id(info[0])));
	});
}

Napi::Value KernelObject::listen(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		if (!info[0].IsFunction())
			throw Napi::TypeError::New(info.Env(), "callback must be a function");
		if (poll_)
			throw KernelError("listen", EALREADY);
		auto poll = std::make_unique<uv_poll_t>();

		check_loop(uv_poll_init(loop_of(info.Env()), poll.get(), kernel().fd()), "uv_poll_init");
		poll_ = poll.release();
		poll_->data = this;
		callback_ = Napi::Persistent(info[0].As<Napi::Function>());
		if (info[1].IsFunction())
			sample_callback_ = Napi::Persistent(info[1].As<Napi::Function>());
		context_.emplace(info.Env(), "procnetmon");
		// Until close(), so that the object is not collected while the loop knows it.
		Ref();
		check_loop(uv_poll_start(poll_, UV_READABLE,
					 [](uv_poll_t *poll, int, int) {
						 static_cast<KernelObject *>(poll->data)->on_readable();
					 }),
			   "uv_poll_start");
		return info.Env().Undefined();
	});
}

void KernelObject::on_readable()
{
	const Napi::Env env = Env();
	const Napi::HandleScope scope(env);

	try {
		guarded(env, [&] {
			const std::vector<PayloadSample> samples = kernel().collect_samples();

			hand_out_events();
			// The callback may have closed it.
			if (kernel_ && !samples.empty() && !sample_callback_.IsEmpty())
				sample_callback_.MakeCallback(Value(), {to_javascript(env, samples)},
							      *context_);
		});
	} catch (const Napi::Error &error) {
		report_uncaught(env, error);
	}
}

// To be called when samples were taken, before they are handed out: they may be of a process whose birth is
// among the events.
void KernelObject::hand_out_events()
{
	const std::vector<Event> events = kernel().collect();

	if (!events.empty())
		callback_.MakeCallback(Value(), {to_javascript(Env(), events)}, *context_);
}

Napi::Value KernelObject::close(const Napi::CallbackInfo &info)
{
	const bool was_listening = poll_ != nullptr;

	shut_down();
	callback_.Reset();
	sample_callback_.Reset();
	if (was_listening)
		Unref();
	return info.Env().Undefined();
}

void KernelObject::shut_down()
{
	if (poll_) {
		uv_poll_stop(poll_);
		uv_close(reinterpret_cast<uv_handle_t *>(std::exchange(poll_, nullptr)),
			 [](uv_handle_t *handle) { delete reinterpret_cast<uv_poll_t *>(handle); });
	}
	kernel_.reset();
}

} // namespace procnetmon
