// Context: what every operation needs – scratch memory, threads, kernels – and who is watching.
#pragma once

#include "base/parallel.h"
#include "kernels/kernels.h"
#include "ops/observer.h"
#include "tensor/arena.h"

namespace transept {

// Where in the model an operation runs: "decoder", 3, "cross".
struct Site {
  const char* stack = "";
  int layer = -1;
  const char* part = "";
};

struct Context {
  Arena& arena;
  ThreadPool& pool;
  const KernelTable& kernels;
  Observer* observer = nullptr;
  Site site{};

  // Tells the observer, if there is one: "decoder.3.cross.probs". `sequence` is an index into the
  // batch, -1 for all.
  void emit(const char* what, ConstTensor tensor, int sequence = -1) const {
    if (observer != nullptr) observer->on(site_name(what), sequence, tensor);
  }

 private:
  [[nodiscard]] std::string site_name(const char* what) const;
};

}  // namespace transept
