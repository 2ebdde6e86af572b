#include "io/import/buffers.h"

#include <array>
#include <cstring>
#include <string>

namespace transept {
namespace {

bool is_float(StoredType type) {
  return type == StoredType::f32 || type == StoredType::f16 || type == StoredType::bf16 ||
         type == StoredType::f64;
}

int64_t count_of(const StoredTensor& tensor) {
  return static_cast<int64_t>(tensor.bytes.size() / size_of(tensor.type));
}

int64_t integer_at(const StoredTensor& tensor, int64_t index) {
  int64_t wide = 0;
  int32_t narrow = 0;
  const std::byte* from = tensor.bytes.data() + static_cast<size_t>(index) * size_of(tensor.type);
  if (tensor.type == StoredType::i64) {
    std::memcpy(&wide, from, sizeof wide);
    return wide;
  }
  std::memcpy(&narrow, from, sizeof narrow);
  return narrow;
}

// Integers of which each is `value(index)`, in one row.
template <class F>
bool is_row_of(const StoredTensor& tensor, F&& value) {
  if (tensor.type != StoredType::i64 && tensor.type != StoredType::i32) return false;
  const int64_t n = count_of(tensor);
  if (tensor.shape.empty() || tensor.shape.back() != n) return false;
  for (int64_t i = 0; i < n; ++i) {
    if (integer_at(tensor, i) != value(i)) return false;
  }
  return true;
}

// The position of each row, as it is computed here.
bool is_positions(const StoredTensor& tensor) {
  return is_row_of(tensor, [](int64_t i) { return i; });
}

bool is_zeros(const StoredTensor& tensor) {
  return is_row_of(tensor, [](int64_t) { return 0; });
}

bool is_one_number(const StoredTensor& tensor) {
  return count_of(tensor) == 1;
}

bool is_vector(const StoredTensor& tensor) {
  return is_float(tensor.type) && tensor.shape.size() == 1;
}

// [n, n], or [1, 1, n, n].
bool is_mask(const StoredTensor& tensor) {
  const size_t rank = tensor.shape.size();
  if (rank != 2 && rank != 4) return false;
  const bool is_square = tensor.shape[rank - 1] == tensor.shape[rank - 2];
  const bool is_single = rank == 2 || (tensor.shape[0] == 1 && tensor.shape[1] == 1);
  return is_square && is_single;
}

// A causal mask under the name of a bias: no linear has a bias of four dimensions.
bool is_mask_of_four(const StoredTensor& tensor) {
  return tensor.shape.size() == 4 && is_mask(tensor);
}

struct KnownBuffer {
  std::string_view name;  // the last parts of a tensor's name
  bool (*looks_so)(const StoredTensor& tensor);
};

// What frameworks store beside the weights, by who writes it: fairseq and BART's first releases;
// BERT and whoever copied its embeddings; GPT-2; rotary embeddings; batch norms.
constexpr std::array kBuffers = {
    KnownBuffer{"version", is_one_number},
    KnownBuffer{"_float_tensor", is_one_number},
    KnownBuffer{"position_ids", is_positions},
    KnownBuffer{"token_type_ids", is_zeros},
    KnownBuffer{"masked_bias", is_one_number},
    KnownBuffer{"attn.bias", is_mask_of_four},
    KnownBuffer{"attention.bias", is_mask_of_four},
    KnownBuffer{"causal_mask", is_mask},
    KnownBuffer{"rotary_emb.inv_freq", is_vector},
    KnownBuffer{"num_batches_tracked", is_one_number},
};

}  // namespace

bool is_harmless_buffer(std::string_view name, const StoredTensor& tensor) {
  for (const KnownBuffer& buffer : kBuffers) {
    if (!name.ends_with(buffer.name)) continue;
    const size_t before = name.size() - buffer.name.size();
    if (before > 0 && name[before - 1] != '.') continue;
    if (buffer.looks_so(tensor)) return true;
  }
  return false;
}

}  // namespace transept
