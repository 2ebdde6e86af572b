#include "io/import/buffers.h"

#include <array>
#include <cstring>
#include <vector>

namespace transept {
namespace {

bool is_float(StoredType type) {
  return type == StoredType::f32 || type == StoredType::f16 || type == StoredType::bf16 ||
         type == StoredType::f64;
}

int64_t count_of(const StoredTensor& tensor) {
  return static_cast<int64_t>(tensor.size_bytes / size_of(tensor.type));
}

int64_t integer_at(const StoredTensor& tensor, const Buffer& contents, int64_t index) {
  int64_t wide = 0;
  int32_t narrow = 0;
  const std::byte* from = contents.data() + static_cast<size_t>(index) * size_of(tensor.type);
  if (tensor.type == StoredType::i64) {
    std::memcpy(&wide, from, sizeof wide);
    return wide;
  }
  std::memcpy(&narrow, from, sizeof narrow);
  return narrow;
}

// Integers of which each is `value(index)`, in one row.
template <class F>
bool is_row_of(const TensorSet::Entry& entry, F&& value) {
  const StoredTensor& tensor = *entry.tensor;
  if (tensor.type != StoredType::i64 && tensor.type != StoredType::i32) return false;
  const int64_t n = count_of(tensor);
  if (tensor.shape.empty() || tensor.shape.back() != n) return false;
  const Buffer contents = entry.file->read(tensor);
  for (int64_t i = 0; i < n; ++i) {
    if (integer_at(tensor, contents, i) != value(i)) return false;
  }
  return true;
}

// The position of each row, as it is computed here.
bool is_positions(const TensorSet::Entry& entry) {
  return is_row_of(entry, [](int64_t i) { return i; });
}

bool is_zeros(const TensorSet::Entry& entry) {
  return is_row_of(entry, [](int64_t) { return 0; });
}

bool is_one_number(const TensorSet::Entry& entry) {
  return count_of(*entry.tensor) == 1;
}

bool is_vector(const TensorSet::Entry& entry) {
  return is_float(entry.tensor->type) && entry.tensor->shape.size() == 1;
}

// [n, n], or [1, 1, n, n].
bool is_mask(const TensorSet::Entry& entry) {
  const std::vector<int64_t>& shape = entry.tensor->shape;
  const size_t rank = shape.size();
  if (rank != 2 && rank != 4) return false;
  const bool is_square = shape[rank - 1] == shape[rank - 2];
  const bool is_single = rank == 2 || (shape[0] == 1 && shape[1] == 1);
  return is_square && is_single;
}

// A causal mask under the name of a bias: no linear has a bias of four dimensions.
bool is_mask_of_four(const TensorSet::Entry& entry) {
  return entry.tensor->shape.size() == 4 && is_mask(entry);
}

struct KnownBuffer {
  std::string_view name;  // the last parts of a tensor's name
  bool (*looks_so)(const TensorSet::Entry& entry);
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

bool is_harmless_buffer(std::string_view name, const TensorSet::Entry& entry) {
  for (const KnownBuffer& buffer : kBuffers) {
    if (!name.ends_with(buffer.name)) continue;
    const size_t before = name.size() - buffer.name.size();
    if (before > 0 && name[before - 1] != '.') continue;
    if (buffer.looks_so(entry)) return true;
  }
  return false;
}

}  // namespace transept
