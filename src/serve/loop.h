// Loop: the I/O thread as the rest of the server sees it. Everything of the server is touched on
// this one thread; other threads (compute, workers, files) hand their results over with post().
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "serve/scope.h"

namespace transept::serve {

// Of the steady clock.
inline double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Loop {
 public:
  virtual ~Loop() = default;
  // Runs f on the I/O thread, soon. Any thread may call it.
  virtual void post(std::function<void()> f) = 0;
  // Runs f on the thread for files, one after the other.
  virtual void post_file_work(std::function<void()> f) = 0;
  // Runs f on one of a few workers, soon; false if too many wait already. See off_loop.h.
  [[nodiscard]] virtual bool post_work(std::function<void()> f) = 0;
  // Calls f after a while, unless the handle is dropped before.
  [[nodiscard]] virtual std::shared_ptr<void> after(int milliseconds, std::function<void()> f) = 0;
};

// Runs f on the thread for files and waits for it. Not cancelled: f may use the caller's locals.
inline Task<void> on_file_thread(Loop& loop, std::function<void()> f) {
  struct State {
    Signal done;
    std::exception_ptr error;
  };
  const auto state = std::make_shared<State>();
  loop.post_file_work([state, &loop, &f] {
    try {
      f();
    } catch (...) {
      state->error = std::current_exception();
    }
    loop.post([state] { state->done.notify(); });
  });
  co_await state->done.wait();
  if (state->error) std::rethrow_exception(state->error);
}

}  // namespace transept::serve
