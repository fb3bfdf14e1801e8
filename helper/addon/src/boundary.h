// The border to JavaScript: arguments in, errors out. Nothing below it knows JavaScript.
#pragma once

#include "error.h"

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace procnetmon {

/// A JavaScript `KernelError`, with `code` and `operation`.
Napi::Error to_javascript(Napi::Env env, const KernelError &error);

/// Runs `body`; what it throws arrives in JavaScript.
template <typename Body> auto guarded(Napi::Env env, Body body)
{
	try {
		return body();
	} catch (const KernelError &error) {
		throw to_javascript(env, error);
	} catch (const Napi::Error &) {
		throw;
	} catch (const std::exception &error) {
		throw Napi::Error::New(env, error.what());
	}
}

// Each takes a value and its name for the message; throws a TypeError.
uint32_t to_u32(const Napi::Value &value, const char *name);
/// Whole numbers as far as JavaScript's are exact.
uint64_t to_u64(const Napi::Value &value, const char *name);
bool to_boolean(const Napi::Value &value, const char *name);
/// Text without zero bytes.
std::string to_text(const Napi::Value &value, const char *name);
Napi::Object to_object(const Napi::Value &value, const char *name);
std::vector<std::string> to_text_list(const Napi::Value &value, const char *name);
std::vector<uint32_t> to_u32_list(const Napi::Value &value, const char *name);

} // namespace procnetmon
