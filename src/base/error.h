// Throwing and checking: fail() formats an Error, check() guards against bad input, dcheck()
// against our own mistakes.
#pragma once

#include <fmt/core.h>

#include <cstdlib>
#include <type_traits>
#include <utility>

#include "transept/error.h"

namespace transept {

// What stands in a message: a value, or a callable that makes it. A callable is called only when
// the message is shown, so what costs more than a pointer or a number is given as one.
template <class T>
decltype(auto) shown(const T& part) {
  if constexpr (std::is_invocable_v<const T&>) {
    return part();
  } else {
    return (part);
  }
}
template <class T>
using Shown = std::remove_cvref_t<decltype(shown(std::declval<const T&>()))>;

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Shown<Args>...> format,
                       const Args&... args) {
  const auto write = [&](const auto&... parts) {
    return fmt::vformat(format, fmt::make_format_args(parts...));
  };
  throw Error(code, write(shown(args)...));
}

// Wrong input from outside: throws an Error with this message unless `ok`. The arguments are always
// evaluated: inside a loop over input that is not bounded they cost nothing only if they are names,
// members and callables (tools/check_layers refuses the known dear ones).
template <class... Args>
void check(bool ok, ErrorCode code, fmt::format_string<Shown<Args>...> format,
           const Args&... args) {
  if (!ok) [[unlikely]]
    fail(code, format, args...);
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
