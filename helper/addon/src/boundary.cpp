#include "boundary.h"

#include <uv.h>

#include <cerrno>
#include <cmath>

namespace procnetmon {
namespace {

// Of the kernel's own, never in <errno.h>; the bpf system call gives it away all the same.
constexpr int not_supported_in_kernel = 524;

std::string errno_name(int error)
{
	if (error == EUSERS)
		return "EUSERS";
	if (error == not_supported_in_kernel)
		return "ENOTSUPP";
	const char *name = uv_err_name(-error);

	// libuv makes a text up, and leaks it, for what it does not know.
	return std::string(name).starts_with("Unknown") ? "E" + std::to_string(error) : name;
}

[[noreturn]] void refuse(const Napi::Value &value, const char *name, const char *wanted)
{
	throw Napi::TypeError::New(value.Env(), std::string(name) + " must be " + wanted);
}

} // namespace

Napi::Error to_javascript(Napi::Env env, const KernelError &error)
{
	Napi::Error result = Napi::Error::New(env, error.what());

	result.Set("code", errno_name(error.error()));
	result.Set("operation", error.operation());
	return result;
}

uint32_t to_u32(const Napi::Value &value, const char *name)
{
	const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;

	if (!(number >= 0 && number <= 0xffffffff) || std::floor(number) != number)
		refuse(value, name, "a whole number below 2^32");
	return static_cast<uint32_t>(number);
}

uint64_t to_u64(const Napi::Value &value, const char *name)
{
	constexpr double most = 9007199254740991;
	const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;

	if (!(number >= 0 && number <= most) || std::floor(number) != number)
		refuse(value, name, "a whole number up to 2^53");
	return static_cast<uint64_t>(number);
}

bool to_boolean(const Napi::Value &value, const char *name)
{
	if (!value.IsBoolean())
		refuse(value, name, "true or false");
	return value.As<Napi::Boolean>().Value();
}

std::string to_text(const Napi::Value &value, const char *name)
{
	if (!value.IsString())
		refuse(value, name, "text");
	std::string text = value.As<Napi::String>().Utf8Value();

	if (text.find('\0') != std::string::npos)
		refuse(value, name, "text without zero bytes");
	return text;
}

Napi::Object to_object(const Napi::Value &value, const char *name)
{
	if (!value.IsObject())
		refuse(value, name, "an object");
	return value.As<Napi::Object>();
}

std::vector<uint32_t> to_u32_list(const Napi::Value &value, const char *name)
{
	// Far above NGROUPS_MAX, far below what could hurt.
	constexpr uint32_t most = 1 << 17;
	std::vector<uint32_t> list;

	if (!value.IsArray())
		refuse(value, name, "an array");
	const auto array = value.As<Napi::Array>();

	if (array.Length() > most)
		refuse(value, name, "shorter");
	for (uint32_t index = 0; index < array.Length(); index++)
		list.push_back(to_u32(array[index], name));
	return list;
}

std::vector<std::string> to_text_list(const Napi::Value &value, const char *name)
{
	// Far above the number of capabilities.
	constexpr uint32_t most = 256;
	std::vector<std::string> list;

	if (!value.IsArray())
		refuse(value, name, "an array");
	const auto array = value.As<Napi::Array>();

	if (array.Length() > most)
		refuse(value, name, "shorter");
	for (uint32_t index = 0; index < array.Length(); index++)
		list.push_back(to_text(array[index], name));
	return list;
}

} // namespace procnetmon
