// A lock for threads of different priority: whoever holds it runs with the priority of whoever waits for it.
#pragma once

#include <pthread.h>

namespace procnetmon {

/// For std::lock_guard.
class InheritingLock {
      public:
	InheritingLock()
	{
		pthread_mutexattr_t attributes;

		::pthread_mutexattr_init(&attributes);
		::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
		// Where the kernel does not know how to, it is an ordinary lock.
		if (::pthread_mutex_init(&mutex_, &attributes))
			::pthread_mutex_init(&mutex_, nullptr);
	}
	InheritingLock(const InheritingLock &) = delete;
	InheritingLock &operator=(const InheritingLock &) = delete;

	void lock()
	{
		::pthread_mutex_lock(&mutex_);
	}
	void unlock()
	{
		::pthread_mutex_unlock(&mutex_);
	}

      private:
	pthread_mutex_t mutex_;
};

} // namespace procnetmon
