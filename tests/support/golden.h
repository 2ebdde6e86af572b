// What the parity and invariant tests share: fixture folders, golden tensors, a model with its
// scratch.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint.h"
#include "io/safetensors.h"
#include "model/decoder.h"
#include "model/encoder.h"

namespace transept::testing {

inline std::filesystem::path fixtures() {
  return TRANSEPT_FIXTURES;
}

// The folders below tests/fixtures/models that hold golden.safetensors, by name.
inline std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures() / "models")) {
    if (std::filesystem::exists(entry.path() / "golden.safetensors")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "t5-v1_1" -> "t5_v1_1": what GoogleTest allows in a name.
inline std::string test_name(std::string name) {
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

// What a test runs on: a folder of the fixtures, one of the machine's kernel tables, and the form
// that matrices are kept in.
struct Case {
  std::string model;
  const KernelTable* kernels;
  Storage storage = Storage::f32;
  std::optional<Storage> keys = {};  // of keys and values; none: as follows from the storage
};

// Every model that `wanted` accepts, on every instruction set of this machine.
template <class F>
std::vector<Case> cases_of(F&& wanted) {
  std::vector<Case> cases;
  for (const std::string& model : golden_models()) {
    if (!wanted(model)) continue;
    for (const KernelTable* table : available_kernels()) cases.push_back({model, table});
  }
  return cases;
}

class Golden {
 public:
  explicit Golden(const std::string& model)
      : file_(SafetensorsFile::open(fixtures() / "models" / model / "golden.safetensors")) {}

  [[nodiscard]] bool has(const std::string& name) const { return file_.find(name) != nullptr; }

  [[nodiscard]] std::vector<float> floats(const std::string& name) const {
    return values<float>(name);
  }
  [[nodiscard]] std::vector<Token> tokens(const std::string& name) const {
    return has(name) ? values<Token>(name) : std::vector<Token>{};
  }
  [[nodiscard]] std::vector<int64_t> shape(const std::string& name) const {
    return file_.find(name)->shape;
  }

 private:
  template <class T>
  [[nodiscard]] std::vector<T> values(const std::string& name) const {
    const StoredTensor* tensor = file_.find(name);
    if (tensor == nullptr) throw std::runtime_error("golden.safetensors has no " + name);
    std::vector<T> out(tensor->size_bytes / sizeof(T));
    file_.read(*tensor, 0, std::as_writable_bytes(std::span(out)));
    return out;
  }
  SafetensorsFile file_;
};

// Largest difference relative to the largest value of `want`.
inline double relative_error(const float* got, const std::vector<float>& want) {
  double largest = 1e-30;
  double difference = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::abs(double{want[i]}));
    const double d = std::abs(double{got[i]} - double{want[i]});
    difference = std::isnan(d) ? INFINITY : std::max(difference, d);
  }
  return difference / largest;
}

inline void expect_close(ConstTensor got, const std::vector<float>& want, const std::string& what,
                         double tolerance = 1e-4) {
  ASSERT_EQ(got.size(), want.size()) << what;
  EXPECT_LE(relative_error(got.data, want), tolerance) << what;
}

inline bool same_bits(ConstTensor a, ConstTensor b) {
  return a.rows == b.rows && a.cols == b.cols && std::memcmp(a.data, b.data, a.bytes()) == 0;
}

// Keeps every tensor it is shown.
struct Recorder : Observer {
  std::map<std::string, std::vector<float>> seen;
  void on(const std::string& site, int, ConstTensor tensor) override {
    seen[site].assign(tensor.data, tensor.data + tensor.size());
  }
};

// A model of the fixtures with threads and scratch of its own.
struct Rig {
  explicit Rig(const std::string& name, const KernelTable& table = chosen_kernels(),
               int n_threads = 1, Storage storage = Storage::f32, std::optional<Storage> keys = {})
      : pool(n_threads),
        kernels(&table),
        checkpoint(load_checkpoint(fixtures() / "models" / name, pool,
                                   {.storage = storage, .keys = keys, .kernels = &table})),
        model(*checkpoint.model) {}

  [[nodiscard]] Context context(Observer* observer = nullptr) {
    return {arena, pool, *kernels, observer};
  }

  // One input, one decoder sequence; logits of all its rows.
  [[nodiscard]] Tensor forward(const std::vector<Token>& source, const std::vector<Token>& target,
                               Observer* observer = nullptr) {
    Context c = context(observer);
    Memory memory;
    if (model.config.has_encoder())
      memory = encode_memories(c, model, std::vector<std::vector<Token>>{source})[0];
    const Memory* const memories[] = {&memory};
    Batch batch;
    batch.add(static_cast<int>(target.size()));
    return logits(c, model, decode(c, model, batch, target, memories, {}));
  }

  Arena arena;
  ThreadPool pool;
  const KernelTable* kernels;
  Checkpoint checkpoint;
  const Transformer& model;
};

}  // namespace transept::testing
