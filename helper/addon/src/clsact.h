// Traffic hooks for kernels without tcx (below 6.6): filters on a clsact qdisc.
//
// Such filters outlive the process that made them. Ours are told from others' by a priority of their own, by
// the names of the programs and by a handle that names the helper that made them, so that a later helper can
// sweep up what a killed one left. Nothing else on the interface is ever touched.
#pragma once

#include "file_descriptor.h"

#include <cstdint>
#include <map>

namespace procnetmon {

/// What shows others that a helper lives; see `is_alive` in the source.
struct LifeSign {
	/// Names the helper, in the handles of its filters too. Never 0.
	uint32_t instance;
	FileDescriptor socket;
};

class Clsact {
      public:
	/// Takes the programs' descriptors, which are to stay open as long as this lives.
	Clsact(int count_ingress, int count_egress);
	~Clsact();
	Clsact(const Clsact &) = delete;
	Clsact &operator=(const Clsact &) = delete;

	void attach(uint32_t interface_index);
	void detach(uint32_t interface_index) noexcept;
	void detach_all() noexcept;

      private:
	int count_ingress_;
	int count_egress_;
	LifeSign life_sign_;
	/// Whether the qdisc there is of our making, by interface.
	std::map<uint32_t, bool> attached_;
};

/// Removes filters of helpers that are no more, in this network namespace. Returns how many.
uint32_t sweep_clsact();

} // namespace procnetmon
