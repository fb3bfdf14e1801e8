// Where the tc programs count: interface by interface, through tcx or clsact.
#pragma once

#include "clsact.h"
#include "file_descriptor.h"
#include "programs.h"

#include <map>
#include <optional>

namespace procnetmon {

enum class Attachment { Auto, Tcx, Clsact };

class TrafficHooks {
      public:
	/// Chooses the way. Throws EOPNOTSUPP when `Tcx` is asked for and the kernel has none.
	TrafficHooks(const Programs &programs, Attachment wanted);
	~TrafficHooks();
	TrafficHooks(const TrafficHooks &) = delete;
	TrafficHooks &operator=(const TrafficHooks &) = delete;

	/// Never `Auto`.
	Attachment attachment() const;
	/// Does nothing where it is attached already. Throws ENODEV for an unknown interface.
	void attach(uint32_t interface_index);
	void detach(uint32_t interface_index) noexcept;
	bool is_attached(uint32_t interface_index) const;

      private:
	struct TcxLinks {
		FileDescriptor ingress;
		FileDescriptor egress;
	};

	const Programs &programs_;
	std::optional<Clsact> clsact_;
	/// The links are empty with clsact.
	std::map<uint32_t, TcxLinks> attached_;
};

} // namespace procnetmon
