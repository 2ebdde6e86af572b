// Turns: at most so many at a time, the others wait. For what takes much RAM while it is being
// made. Belongs to the I/O thread.
#pragma once

#include <memory>

#include "serve/scope.h"

namespace transept::serve {

class Turns {
 public:
  explicit Turns(int most) : most_(most) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() = default;

  // A turn, which lasts as long as what is returned. Throws if the scope ends before it comes.
  Task<std::shared_ptr<void>> take(Scope& scope) {
    while (taken_ == most_) {
      left_.reset();
      co_await scope.wait(left_);
    }
    ++taken_;
    co_return std::shared_ptr<void>(this, [](void* turns) { static_cast<Turns*>(turns)->leave(); });
  }

 private:
  void leave() {
    --taken_;
    left_.notify();
  }

  int most_;
  int taken_ = 0;
  Signal left_;
};

}  // namespace transept::serve
