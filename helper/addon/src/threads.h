// Credentials belong to threads, in Linux. This reaches all threads of the process, also those that the
// JavaScript engine made and that nobody else can speak to.
#pragma once

namespace procnetmon {

/// Something to do in a thread. Runs in a signal handler: plain system calls only. Returns 0, or an errno.
using ThreadAction = int (*)();

/// Runs an action in every thread but the calling one. Throws the first error of an action, or ETIMEDOUT.
void run_in_other_threads(ThreadAction action, const char *operation);

} // namespace procnetmon
