// off_loop: long work – parsing, tokenising, writing JSON, copies – leaves the I/O thread, so that
// nobody else waits for it.
//
//   std::vector<Token> ids = co_await off_loop(loop, scope, [&] { return tokenizer.encode(text);
//   });
#pragma once

#include <optional>
#include <type_traits>

#include "serve/loop.h"

namespace transept::serve {

// Error 503: too much waits for the workers.
[[noreturn]] void refuse_work();

// Runs f on one of the server's workers and hands over what it returns or throws. It is waited for
// to its end, so f may use the caller's locals; nobody else touches them meanwhile. f must not
// touch what belongs to the I/O thread (store, admission, metrics, exchange). A request that has
// ended before f began does not run it; one that ends while f runs throws when f is done. Refusal
// 503 if too much waits already.
template <class F>
Task<std::invoke_result_t<F&>> off_loop(Loop& loop, Scope& scope, F f) {
  using Result = std::invoke_result_t<F&>;
  constexpr bool kNothing = std::is_void_v<Result>;
  Signal done;
  std::exception_ptr error;
  std::optional<std::conditional_t<kNothing, bool, Result>> result;
  scope.check();
  const auto unwanted = scope.flag();
  const bool taken = loop.post_work([&] {
    try {
      if (unwanted->load()) {
      } else if constexpr (kNothing) {
        f();
      } else {
        result.emplace(f());
      }
    } catch (...) {
      error = std::current_exception();
    }
    loop.post([&done] { done.notify(); });
  });
  if (!taken) refuse_work();
  co_await done.wait();
  if (error) std::rethrow_exception(error);
  scope.check();
  if constexpr (!kNothing) co_return std::move(*result);
}

}  // namespace transept::serve
