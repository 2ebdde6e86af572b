// Throwing and checking: fail() formats an Error, check() guards against bad input, dcheck()
// against our own mistakes.
#pragma once

#include <fmt/core.h>

#include <cstdlib>

#include "transept/error.h"

namespace transept {

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// Wrong input from outside: throws an Error with this message unless `ok`.
template <class... Args>
void check(bool ok, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) [[unlikely]]
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// A broken assumption inside transept, never reachable from input. Active in debug and sanitizer
// builds.
#ifdef NDEBUG
inline void dcheck(bool) {}
#else
inline void dcheck(bool ok) {
  if (!ok) std::abort();
}
#endif

}  // namespace transept
