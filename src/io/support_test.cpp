#include "io/support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>

#include "base/json.h"
#include "base/rng.h"
#include "io/bind.h"
#include "io/import/import.h"
#include "model/weights.h"

namespace {

std::atomic<size_t> live_bytes{0};
std::atomic<size_t> peak_bytes{0};

void* counted_new(size_t size, size_t alignment) {
  void* p = alignment > alignof(std::max_align_t)
                ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                : std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) return nullptr;
  const size_t live = live_bytes += malloc_usable_size(p);
  size_t peak = peak_bytes;
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live)) {
  }
  return p;
}

void counted_delete(void* p) noexcept {
  if (p == nullptr) return;
  live_bytes -= malloc_usable_size(p);
  std::free(p);
}

void* counted_new_or_throw(size_t size, size_t alignment) {
  void* p = counted_new(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(size_t size) {
  return counted_new_or_throw(size, 0);
}
void* operator new[](size_t size) {
  return counted_new_or_throw(size, 0);
}
void* operator new(size_t size, std::align_val_t a) {
  return counted_new_or_throw(size, static_cast<size_t>(a));
}
void* operator new[](size_t size, std::align_val_t a) {
  return counted_new_or_throw(size, static_cast<size_t>(a));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return counted_new(size, 0);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return counted_new(size, 0);
}
void* operator new(size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted_new(size, static_cast<size_t>(a));
}
void* operator new[](size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted_new(size, static_cast<size_t>(a));
}
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete(void* p) noexcept {
  counted_delete(p);
}
void operator delete[](void* p) noexcept {
  counted_delete(p);
}
void operator delete(void* p, size_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, size_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, size_t, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, size_t, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  counted_delete(p);
}

namespace transept::testing {
namespace fs = std::filesystem;

ThreadPool& pool() {
  static ThreadPool one(1);
  return one;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "transept-io-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::vector<std::string> TemporaryFolder::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void write_text(const fs::path& path, std::string_view text) {
  fs::remove(path);  // a file that is cut to nothing and written again is synced by ext4: slow
  std::ofstream(path, std::ios::binary) << text;
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

size_t peak_allocation(const std::function<void()>& f) {
  const size_t before = live_bytes;
  peak_bytes = before;
  f();
  return peak_bytes - before;
}

void for_each_damage(const std::string& good, size_t flips,
                     const std::function<void(const std::string&)>& f) {
  for (size_t n = 0; n < good.size(); ++n) f(good.substr(0, n));
  const size_t bits = good.size() * 8;
  for (size_t i = 0; i < flips; ++i) {
    // Every bit where there are few, else a fixed scatter.
    const size_t bit = flips >= bits ? i % bits : (i * 2654435761U) % bits;
    std::string damaged = good;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    f(damaged);
  }
}

}  // namespace transept::testing
