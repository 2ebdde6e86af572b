#include "io/support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "base/damage_testing.h"
#include "base/json.h"
#include "base/rng.h"
#include "io/bind.h"
#include "io/import/import.h"
#include "model/weights.h"

namespace transept::testing {
namespace fs = std::filesystem;

ThreadPool& pool() {
  static ThreadPool one(1);
  return one;
}

void write_text(const fs::path& path, std::string_view text) {
  fs::remove(path);  // a file that is cut to nothing and written again is synced by ext4: slow
  std::ofstream(path, std::ios::binary) << text;
  // Older than a tick of the clock: reading it need not wait until a change could be told.
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(2));
}

ModelTensors make_tensors(const std::string& config_json) {
  const JsonDocument document = JsonDocument::parse(config_json, "config.json");
  const Imported imported = import_model(document.root());
  Transformer model;
  model.config = imported.config;
  ModelTensors tensors;
  int next = 0;
  visit(model, [&](const std::string& name, Weight&, int rows, int cols, Role role) {
    const Source& source = imported.names.sources.at(name);
    ModelTensor& tensor = tensors[source.name];
    tensor.shape = foreign_shape(source, role, rows, cols);
    size_t n = 1;
    for (const int64_t size : tensor.shape) n *= static_cast<size_t>(size);
    tensor.values.resize(n);
    for (float& value : tensor.values) {
      value = static_cast<float>(++next % 97 - 48) / 64;  // exact in f16 and bf16
    }
  });
  return tensors;
}

void write_tensors(const fs::path& path, const ModelTensors& tensors) {
  std::vector<TensorToWrite> list;
  for (const auto& [name, tensor] : tensors) {
    list.push_back({.name = name,
                    .type = StoredType::f32,
                    .shape = tensor.shape,
                    .bytes = std::as_bytes(std::span(tensor.values)),
                    .make = {}});
  }
  write_safetensors(path, std::move(list), {{"format", "pt"}});
}

void write_model(const fs::path& folder, const std::string& config_json,
                 const ModelTensors& tensors) {
  write_text(folder / "config.json", config_json);
  write_tensors(folder / "model.safetensors", tensors);
}

std::string tiny_t5() {
  return R"({"model_type": "t5", "d_model": 2, "d_kv": 3, "d_ff": 2, "num_layers": 1,
 "num_heads": 1, "relative_attention_num_buckets": 4, "relative_attention_max_distance": 8,
 "feed_forward_proj": "gated-gelu", "tie_word_embeddings": true, "vocab_size": 3})";
}

std::string tiny_bart() {
  return R"({"model_type": "bart", "d_model": 2, "encoder_layers": 1, "decoder_layers": 1,
 "encoder_attention_heads": 1, "decoder_attention_heads": 2, "encoder_ffn_dim": 3,
 "decoder_ffn_dim": 2, "max_position_embeddings": 4, "vocab_size": 5,
 "activation_function": "gelu", "tie_word_embeddings": true})";
}

std::string error_of(const std::function<void()>& f, const fs::path& folder) {
  try {
    f();
  } catch (const Error& e) {
    std::string text = e.what();
    for (size_t at = 0;
         !folder.empty() && (at = text.find(folder.string())) != std::string::npos;) {
      text.replace(at, folder.string().size(), "DIR");
    }
    return text;
  }
  return "";
}

}  // namespace transept::testing
