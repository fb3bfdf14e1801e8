// What the core reports, as the plain objects that kernel.ts declares.
#pragma once

#include "capabilities.h"
#include "kernel.h"

#include <napi.h>

#include <vector>

namespace procnetmon {

Napi::Value to_javascript(Napi::Env env, const std::vector<Event> &events);
/// `PayloadSample` of kernel.ts.
Napi::Value to_javascript(Napi::Env env, const std::vector<PayloadSample> &samples);
Napi::Value to_javascript(Napi::Env env, const std::vector<Interface> &interfaces);
Napi::Value to_javascript(Napi::Env env, const std::vector<Overflow> &entries);
Napi::Value to_javascript(Napi::Env env, const Statistics &statistics);
Napi::Value to_javascript(Napi::Env env, const std::vector<std::string> &texts);
/// A `FlowIdentity`.
Napi::Value to_javascript(Napi::Env env, uint32_t slot, const pnm_flow &flow);

} // namespace procnetmon
