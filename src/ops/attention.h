// Scaled dot-product attention over ranges: softmax(scale * Q Kᵀ + bias) V, per head
// (Vaswani et al. 2017, equation 1; the bias is T5's relative position, Raffel et al. 2020).
//
// Encoder self-attention, causal decoder self-attention with or without a cache, and
// cross-attention differ only in their items: these query rows look at these keys, from this
// position on, causal or not.
#pragma once

#include <span>

#include "base/buffer.h"
#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// Keys and values of one sequence in panel layout (kernels.h), head after head:
//   k [n_heads][panels_for(capacity)][d_head][16]   v [n_heads][panels_for(d_head)][capacity][16]
// in f32, rounded to bf16, or to integers with a scale for each head's key and each head's value:
//   k_scale [n_heads][capacity]   v_scale [n_heads][capacity]
// Products widen what is rounded; queries, probabilities and sums are f32 for all.
struct KeyValueView {
  const void* k = nullptr;
  const void* v = nullptr;
  const float* k_scale = nullptr;  // int8 only
  const float* v_scale = nullptr;
  Storage storage = Storage::f32;  // or bf16, int8
  int n_heads = 0;
  int d_head = 0;
  int capacity = 0;  // a multiple of 16
  int length = 0;    // keys that are there
};

// An owner of keys and values that grows row by row: a layer of a Memory or of a DecodeState.
class KeyValues {
 public:
  KeyValues() = default;
  KeyValues(int n_heads, int d_head, Storage storage, int capacity = 0);
  KeyValues(const KeyValues& other);
  KeyValues& operator=(const KeyValues& other);
  KeyValues(KeyValues&&) = default;
  KeyValues& operator=(KeyValues&&) = default;
  ~KeyValues() = default;

  // Rows [begin, end) of [rows, n_heads * d_head].
  void append(const KernelTable& kernels, ConstTensor k, ConstTensor v, int begin, int end);
  void append(const KeyValues& other, int begin, int end);
  void truncate(int length);
  void reserve(int capacity);
  [[nodiscard]] KeyValues empty_like() const { return {n_heads_, d_head_, storage_}; }

  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] KeyValueView view() const;
  [[nodiscard]] Storage storage() const { return storage_; }
  [[nodiscard]] size_t bytes() const { return buffer_.size(); }

 private:
  int n_heads_ = 0;
  int d_head_ = 0;
  Storage storage_ = Storage::f32;
  int capacity_ = 0;
  int length_ = 0;
  Buffer buffer_;
};

// Scratch keys and values of rows [begin, end), for attention without a cache.
[[nodiscard]] KeyValueView pack_keys_values(Context& c, ConstTensor k, ConstTensor v, int begin,
                                            int end, int n_heads, Storage storage = Storage::f32);

struct AttentionItem {
  int query_begin;  // rows of q
  int query_end;
  KeyValueView keys;
  int position;  // of the first query row among the keys, where causal
  bool causal;   // query i sees keys 0 .. position + i, itself included; otherwise all keys
  int sequence;  // index into the batch, for observers
};

// One value per head and distance key - query, for distances [least, least + span); or none.
struct RelativeBias {
  float* values = nullptr;  // [n_heads][span]
  int least = 0;
  int span = 0;

  // The values of one head for a query at `position`, indexed by key; null if there are none.
  [[nodiscard]] const float* row(int head, int position) const {
    if (values == nullptr) return nullptr;
    return values + static_cast<size_t>(head) * static_cast<size_t>(span) - (position + least);
  }
};

// q [rows, n_heads * d_head] -> [rows, n_heads * d_head]. Not recorded: keys and values are held by
// a Memory or a DecodeState, which take no gradient.
[[nodiscard]] Tensor attention(Context& c, ConstTensor q, std::span<const AttentionItem> items,
                               int n_heads, float scale, const RelativeBias& bias = {});

// Queries whose keys and values are rows of this very computation.
struct RowsItem {
  int query_begin;  // rows of q
  int query_end;
  int key_begin;  // rows of k and v; while recording no two items share a row
  int key_end;
  bool causal;  // query i sees keys 0 .. i
  int sequence;
};

struct AttentionOptions {
  int n_heads;
  float scale;
  RelativeBias bias{};
  float dropout = 0;            // of the probabilities, while recording
  Storage keys = Storage::f32;  // how keys and values are read; f32 while recording
};

// The same over rows: q [rows, n_heads * d_head], k and v [key rows, n_heads * d_head]. Recorded
// without the probabilities, which the backward computes again.
[[nodiscard]] Tensor attention(Context& c, ConstTensor q, ConstTensor k, ConstTensor v,
                               std::span<const RowsItem> items, const AttentionOptions& options);

}  // namespace transept
