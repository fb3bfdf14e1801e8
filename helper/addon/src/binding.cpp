// What the addon exports: `KernelAddon` of kernel.ts.
#include "boundary.h"
#include "capabilities.h"
#include "clsact.h"
#include "confinement.h"
#include "event_loop.h"
#include "file_capabilities.h"
#include "kernel_object.h"
#include "libbpf_log.h"
#include "memory.h"
#include "monotonic.h"
#include "privileges.h"
#include "values.h"

namespace procnetmon {
namespace {

Attachment to_attachment(const Napi::Value &value)
{
	const std::string text = to_text(value, "attachment");

	if (text == "auto")
		return Attachment::Auto;
	if (text == "tcx")
		return Attachment::Tcx;
	if (text == "clsact")
		return Attachment::Clsact;
	throw Napi::TypeError::New(value.Env(), "attachment must be auto, tcx or clsact");
}

Napi::Value open(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const Napi::Object options = to_object(info[0], "options");
		const Napi::Value folder = options.Get("cgroup");
		const std::string cgroup = folder.IsUndefined() ? "" : to_text(folder, "cgroup");
		const Napi::Value user = options.Get("onlyUser");
		const uint32_t only_user = user.IsUndefined() ? PNM_EVERY_USER : to_u32(user, "onlyUser");

		return KernelObject::wrap(
		    info.Env(),
		    std::make_unique<Kernel>(cgroup, to_attachment(options.Get("attachment")), only_user));
	});
}

Napi::Value drop(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const Napi::Object options = to_object(info[0], "options");

		drop_privileges({
		    .uid = to_u32(options.Get("uid"), "uid"),
		    .gid = to_u32(options.Get("gid"), "gid"),
		    .groups = to_u32_list(options.Get("groups"), "groups"),
		    .keep_ptrace = to_boolean(options.Get("keepPtrace"), "keepPtrace"),
		});
		return info.Env().Undefined();
	});
}

Napi::Value without_capabilities(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const WithoutCapabilities none;

		return info[0].As<Napi::Function>().Call({});
	});
}

Napi::Value confine_process(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		confine(static_cast<pid_t>(to_u32(info[0], "child")));
		renew_event_loop(info.Env());
		return info.Env().Undefined();
	});
}

Napi::Value exit_now(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(),
		       [&]() -> Napi::Value { ::_exit(static_cast<int>(to_u32(info[0], "status"))); });
}

Napi::Value capabilities(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const CapabilitySets sets = capability_sets();
		Napi::Object object = Napi::Object::New(info.Env());

		object.Set("effective", to_javascript(info.Env(), capability_names(sets.effective)));
		object.Set("permitted", to_javascript(info.Env(), capability_names(sets.permitted)));
		object.Set("noNewPrivileges", Napi::Boolean::New(info.Env(), has_no_new_privileges()));
		return object;
	});
}

Napi::Value file_capabilities(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const auto file = static_cast<int>(to_u32(info[0], "descriptor"));

		set_file_capabilities(file, capability_set(to_text_list(info[1], "capabilities")));
		return info.Env().Undefined();
	});
}

Napi::Value groups_of_user(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		const std::vector<gid_t> groups =
		    groups_of(to_text(info[0], "userName"), to_u32(info[1], "gid"));
		Napi::Array array = Napi::Array::New(info.Env(), groups.size());

		for (uint32_t index = 0; index < groups.size(); index++)
			array[index] = Napi::Number::New(info.Env(), groups[index]);
		return array;
	});
}

Napi::Value monotonic(const Napi::CallbackInfo &info)
{
	return Napi::Number::New(info.Env(), static_cast<double>(monotonic_nanos()));
}

Napi::Value sweep(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), sweep_clsact()); });
}

Napi::Value trim(const Napi::CallbackInfo &info)
{
	return guarded(info.Env(), [&] {
		trim_memory();
		return info.Env().Undefined();
	});
}

Napi::Object initialize(Napi::Env env, Napi::Object exports)
{
	silence_libbpf();
	exports.Set("open", Napi::Function::New<open>(env, "open"));
	exports.Set("dropPrivileges", Napi::Function::New<drop>(env, "dropPrivileges"));
	exports.Set("withoutCapabilities",
		    Napi::Function::New<without_capabilities>(env, "withoutCapabilities"));
	exports.Set("confine", Napi::Function::New<confine_process>(env, "confine"));
	exports.Set("exitNow", Napi::Function::New<exit_now>(env, "exitNow"));
	exports.Set("capabilities", Napi::Function::New<capabilities>(env, "capabilities"));
	exports.Set("setFileCapabilities",
		    Napi::Function::New<file_capabilities>(env, "setFileCapabilities"));
	exports.Set("groupsOf", Napi::Function::New<groups_of_user>(env, "groupsOf"));
	exports.Set("monotonicNanos", Napi::Function::New<monotonic>(env, "monotonicNanos"));
	exports.Set("sweep", Napi::Function::New<sweep>(env, "sweep"));
	exports.Set("trimMemory", Napi::Function::New<trim>(env, "trimMemory"));
	return exports;
}

NODE_API_MODULE(procnetmon, initialize)

} // namespace
} // namespace procnetmon
