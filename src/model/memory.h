// Memory: what the encoder made of an input. Immutable, cheap to copy, and all that a decoder needs
// of it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "model/config.h"
#include "ops/attention.h"
#include "tensor/tensor.h"

namespace transept {

struct Transformer;

// Which model something belongs to: a hash over the switches and every weight's values, computed
// when first asked for. Two models with one fingerprint compute the same.
class ModelIdentity {
 public:
  explicit ModelIdentity(std::function<std::string()> compute) : compute_(std::move(compute)) {}
  [[nodiscard]] const std::string& fingerprint() const;  // 32 hexadecimal digits

 private:
  std::function<std::string()> compute_;
  mutable std::once_flag once_;
  mutable std::string fingerprint_;
};

class Memory {
 public:
  // A piece of a Memory that was encoded on its own: rows [begin, end).
  struct Segment {
    int begin;
    int end;
    bool operator==(const Segment&) const = default;
  };

  struct Storage {
    std::shared_ptr<const ModelIdentity> model;  // what made it
    std::vector<Token> ids;  // source tokens, one per row; none of other sources
    Buffer hidden;           // f32 [rows, d_model of the encoder]
    int rows = 0;
    int width = 0;
    std::vector<KeyValues> layers;  // cross-attention keys and values, per decoder layer
    std::vector<Segment> segments;
  };

  Memory() = default;
  explicit Memory(std::shared_ptr<const Storage> storage) : storage_(std::move(storage)) {}

  [[nodiscard]] bool empty() const { return storage_ == nullptr; }
  [[nodiscard]] int rows() const { return storage_->rows; }
  [[nodiscard]] int width() const { return storage_->width; }
  [[nodiscard]] ConstTensor hidden() const {
    return {storage_->hidden.as<float>(), storage_->rows, storage_->width};
  }
  // Empty where the source was not tokens.
  [[nodiscard]] std::span<const Token> ids() const { return storage_->ids; }
  [[nodiscard]] std::span<const Segment> segments() const { return storage_->segments; }
  // 32 hexadecimal digits of the model that made it. The first call for a model reads all its
  // weights.
  [[nodiscard]] const std::string& fingerprint() const { return storage_->model->fingerprint(); }
  [[nodiscard]] KeyValueView layer(int index) const {
    return storage_->layers[static_cast<size_t>(index)].view();
  }
  [[nodiscard]] int n_layers() const { return static_cast<int>(storage_->layers.size()); }
  [[nodiscard]] size_t bytes() const;  // hidden + keys and values
  [[nodiscard]] bool shares_storage(const Memory& other) const {
    return storage_ == other.storage_;
  }
  [[nodiscard]] const Storage& storage() const { return *storage_; }

 private:
  std::shared_ptr<const Storage> storage_;
};

// Rows [begin, end) of hidden states, and what they were made from.
struct MemoryRows {
  int begin;
  int end;
  std::span<const Token> ids;
  std::vector<Memory::Segment> segments;
};

// Keys and values of every decoder layer from the encoder's hidden rows [rows, d_model], a Memory
// for every part; the products are made over all rows at once.
[[nodiscard]] std::vector<Memory> make_memories(Context& c, const Transformer& model,
                                                ConstTensor hidden, std::vector<MemoryRows> parts);

// The same of one; this is all that remains to be done for a Memory whose hidden state was loaded
// from a file.
[[nodiscard]] Memory make_memory(Context& c, const Transformer& model, ConstTensor hidden,
                                 std::span<const Token> ids, std::vector<Memory::Segment> segments);

// Rows appended, layer by layer. Exact: cross-attention has no position term. Not the same as
// encoding the joined text. Error mismatch if the fingerprints differ or only some are of tokens,
// usage if `parts` is empty.
[[nodiscard]] Memory concat(std::span<const Memory> parts);

// Rows [begin, end), without running anything.
[[nodiscard]] Memory slice(const Memory& memory, int begin, int end);

// Error mismatch, naming both fingerprints, if another model made this memory.
void check_belongs(const Memory& memory, const Transformer& model);

}  // namespace transept
