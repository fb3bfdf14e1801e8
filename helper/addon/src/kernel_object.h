// The `Kernel` of kernel.ts: a thin JavaScript object around the core.
#pragma once

#include "kernel.h"

#include <napi.h>
#include <uv.h>

#include <memory>
#include <optional>

namespace procnetmon {

class KernelObject : public Napi::ObjectWrap<KernelObject> {
      public:
	/// Hands `kernel` over to a new JavaScript object.
	static Napi::Object wrap(Napi::Env env, std::unique_ptr<Kernel> kernel);

	/// For `wrap` only.
	explicit KernelObject(const Napi::CallbackInfo &info);
	~KernelObject() override;

      private:
	static Napi::FunctionReference define(Napi::Env env);

	Napi::Value attachment(const Napi::CallbackInfo &info);
	Napi::Value process_events(const Napi::CallbackInfo &info);
	Napi::Value interfaces(const Napi::CallbackInfo &info);
	Napi::Value attach_interface(const Napi::CallbackInfo &info);
	Napi::Value detach_interface(const Napi::CallbackInfo &info);
	Napi::Value watch(const Napi::CallbackInfo &info);
	Napi::Value unwatch(const Napi::CallbackInfo &info);
	Napi::Value read_flows(const Napi::CallbackInfo &info);
	Napi::Value describe_flow(const Napi::CallbackInfo &info);
	Napi::Value retire_flow(const Napi::CallbackInfo &info);
	Napi::Value recycle_flow(const Napi::CallbackInfo &info);
	Napi::Value settle_flows(const Napi::CallbackInfo &info);
	Napi::Value inspect_flow(const Napi::CallbackInfo &info);
	Napi::Value collect_samples(const Napi::CallbackInfo &info);
	Napi::Value read_overflow(const Napi::CallbackInfo &info);
	Napi::Value statistics(const Napi::CallbackInfo &info);
	Napi::Value adopt_sockets(const Napi::CallbackInfo &info);
	Napi::Value listen(const Napi::CallbackInfo &info);
	Napi::Value close(const Napi::CallbackInfo &info);

	/// The core; throws EBADF once it is closed.
	Kernel &kernel() const;
	void on_readable();
	void hand_out_events();
	void shut_down();

	std::unique_ptr<Kernel> kernel_;
	/// libuv wants it to live on until it is closed for good, so it frees itself.
	uv_poll_t *poll_ = nullptr;
	Napi::FunctionReference callback_;
	/// Empty where nobody wants payload.
	Napi::FunctionReference sample_callback_;
	std::optional<Napi::AsyncContext> context_;
};

} // namespace procnetmon
