// Context: what every operation needs – scratch memory, threads, kernels – and who is watching.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/parallel.h"
#include "kernels/kernels.h"
#include "ops/observer.h"
#include "ops/tape.h"
#include "tensor/arena.h"

namespace transept {

// Where in the model an operation runs: "decoder", 3, "cross".
struct Site {
  const char* stack = "";
  int layer = -1;
  const char* part = "";
};

// Dropout (Srivastava et al. 2014): how much of what is set to zero in training. Which elements
// depends on (seed, step), on the operation, and on the element's example and position: not on
// threads, and not on how the examples of a step are cut into batches.
struct Dropout {
  float rate = 0;        // of embedded inputs and of what each sub-layer adds
  float attention = 0;   // of attention probabilities
  float activation = 0;  // of the feed-forward's inner values
  uint64_t seed = 0;
  uint64_t step = 0;
};

// Which example and which of its positions a row is.
struct RowPlace {
  uint32_t example;
  uint32_t position;
};

struct Context {
  Arena& arena;
  ThreadPool& pool;
  const KernelTable& kernels;
  Observer* observer = nullptr;
  Site site{};
  Tape* tape = nullptr;   // recording
  Dropout dropout{};      // in force only while recording
  bool in_pairs = false;  // products round their operands to bf16; needs kernels.pairs
  uint32_t dropouts = 0;  // so far; numbers the places of random numbers
  std::shared_ptr<const std::vector<RowPlace>> places = nullptr;  // of the rows being computed
  // Called between sub-layers, and between slices of long ones (slices.h), on the thread that calls
  // the operations: others may have their turn there. What it throws ends the work; a DecodeState
  // that was being fed is then of no use any more.
  const std::function<void()>* on_pause = nullptr;

  void pause() const {
    if (on_pause != nullptr) (*on_pause)();
  }

  // Tells the observer, if there is one: "decoder.3.cross.probs". `sequence` is an index into the
  // batch, -1 for all.
  void emit(const char* what, ConstTensor tensor, int sequence = -1) const {
    if (observer != nullptr) observer->on(site_name(what), sequence, tensor);
  }

 private:
  [[nodiscard]] std::string site_name(const char* what) const;
};

}  // namespace transept
