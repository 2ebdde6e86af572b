// Signal and Scope: how coroutines of the I/O thread wait, and how a request that nobody wants any
// more is taken out of whatever it waits for. Both belong to the I/O thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "serve/task.h"

namespace transept::serve {

// Set once (until reset); wakes all that wait for it.
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() = default;

  [[nodiscard]] bool is_set() const { return set_; }
  void reset() { set_ = false; }
  void notify() {
    set_ = true;
    std::vector<std::coroutine_handle<>> waiting;
    waiting.swap(waiting_);
    for (const auto handle : waiting) handle.resume();
  }

  struct Wait {
    Signal& signal;
    [[nodiscard]] bool await_ready() const { return signal.set_; }
    void await_suspend(std::coroutine_handle<> handle) { signal.waiting_.push_back(handle); }
    void await_resume() const {}
  };
  [[nodiscard]] Wait wait() { return {*this}; }

 private:
  friend class Scope;
  bool set_ = false;
  std::vector<std::coroutine_handle<>> waiting_;
};

enum class Ended { no, client_gone, deadline, stopping };

// The life of one request. cancel() wakes everything that waits within it, which then throws.
class Scope {
 public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() = default;

  [[nodiscard]] Ended ended() const { return ended_; }
  // Readable on any thread: the work is no longer wanted.
  [[nodiscard]] std::shared_ptr<const std::atomic<bool>> flag() const { return flag_; }
  // The same for those who compute.
  [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }
  std::uint64_t owner = 0;  // for whom: the number of the key, see Admission
  void cancel(Ended reason) {
    if (ended_ != Ended::no) return;
    ended_ = reason;
    flag_->store(true);
    stop_.request_stop();
    const auto waits = waits_;  // the last one that wakes may end this scope
    while (!waits->empty()) {
      const Wait* wait = waits->back();
      waits->pop_back();
      std::erase(wait->signal.waiting_, wait->handle);
      wait->handle.resume();
    }
  }
  void check() const;  // throws what cancel() stands for

  struct Wait {
    Scope& scope;
    Signal& signal;
    std::coroutine_handle<> handle = {};
    [[nodiscard]] bool await_ready() const { return signal.set_ || scope.ended_ != Ended::no; }
    void await_suspend(std::coroutine_handle<> waiting) {
      handle = waiting;
      signal.waiting_.push_back(waiting);
      scope.waits_->push_back(this);
    }
    void await_resume() {
      std::erase(*scope.waits_, this);
      scope.check();
    }
  };
  // Until the signal is set. Throws if the scope ends before.
  [[nodiscard]] Wait wait(Signal& signal) { return {*this, signal}; }

 private:
  Ended ended_ = Ended::no;
  std::stop_source stop_;
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::vector<Wait*>> waits_ = std::make_shared<std::vector<Wait*>>();
};

}  // namespace transept::serve
