// The one kind of error that the core throws: an operation on the kernel, and the errno it ended with.
#pragma once

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <utility>

namespace procnetmon {

class KernelError : public std::exception {
      public:
	/// `detail` says in words what the errno does not; empty where there is nothing to add.
	KernelError(std::string operation, int error, const std::string &detail = {})
	    : operation_(std::move(operation)), error_(error),
	      message_(operation_ + ": " + std::strerror(error) + (detail.empty() ? "" : " (" + detail + ")"))
	{
	}

	const std::string &operation() const
	{
		return operation_;
	}
	int error() const
	{
		return error_;
	}
	const char *what() const noexcept override
	{
		return message_.c_str();
	}

      private:
	std::string operation_;
	int error_;
	std::string message_;
};

/// Passes a result on; throws when it is negative, with the present errno.
inline int checked(int result, const char *operation)
{
	if (result < 0)
		throw KernelError(operation, errno);
	return result;
}

} // namespace procnetmon
