// For the tests of io: folders that vanish, small model folders, and a count of what is allocated.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/folder_testing.h"
#include "base/parallel.h"
#include "io/safetensors.h"

namespace transept::testing {

// One thread is enough for what the tests load.
[[nodiscard]] ThreadPool& pool();

void write_text(const std::filesystem::path& path, std::string_view text);

// The tensors that a model of this config.json consists of, with small values that differ.
struct ModelTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using ModelTensors = std::map<std::string, ModelTensor>;
[[nodiscard]] ModelTensors make_tensors(const std::string& config_json);
void write_tensors(const std::filesystem::path& path, const ModelTensors& tensors);
// config.json and model.safetensors
void write_model(const std::filesystem::path& folder, const std::string& config_json,
                 const ModelTensors& tensors);

[[nodiscard]] std::string tiny_t5();    // one layer each, width 2
[[nodiscard]] std::string tiny_bart();  // the same

// The message of the Error that f throws, with `folder` written as "DIR"; "" if there is none.
[[nodiscard]] std::string error_of(const std::function<void()>& f,
                                   const std::filesystem::path& folder = {});

// The most bytes that operator new had handed out at one time during f.
[[nodiscard]] size_t peak_allocation(const std::function<void()>& f);

// Calls f with every truncation of `good`, then with `flips` single-bit changes spread over it.
void for_each_damage(const std::string& good, size_t flips,
                     const std::function<void(const std::string& damaged)>& f);

}  // namespace transept::testing
