// DecodeState: everything mutable about one running decode – the self-attention keys and values of
// its tokens so far.
#pragma once

#include <vector>

#include "model/config.h"
#include "ops/attention.h"

namespace transept {

class DecodeState {
 public:
  DecodeState() = default;
  explicit DecodeState(const StackConfig& decoder)
      : layers_(static_cast<size_t>(decoder.layers),
                KeyValues(decoder.n_heads, decoder.d_head, decoder.keys)) {}

  [[nodiscard]] int length() const { return layers_.empty() ? 0 : layers_.front().length(); }
  [[nodiscard]] DecodeState fork() const { return *this; }  // the cost of a copy, made explicit
  void truncate(int length) {
    for (KeyValues& layer : layers_) layer.truncate(length);
  }
  [[nodiscard]] KeyValues& layer(int index) { return layers_[static_cast<size_t>(index)]; }
  [[nodiscard]] size_t bytes() const {
    size_t total = 0;
    for (const KeyValues& layer : layers_) total += layer.bytes();
    return total;
  }

 private:
  std::vector<KeyValues> layers_;
};

}  // namespace transept
