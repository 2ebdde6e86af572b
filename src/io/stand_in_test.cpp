// Files and folders as people have them: what is harmless loads, what is something else is named.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/stand_in.h"
#include "io/checkpoint.h"
#include "io/memory_file.h"
#include "io/shortlist_file.h"
#include "io/support.h"
#include "io/tensor_set.h"
#include "model/memory.h"
#include "text/tokenizer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 291556\n";

// The message of load_checkpoint, and of load_tokenizer where that is asked for.
std::string error_for(const fs::path& path, const fs::path& folder) {
  return error_of([&] { (void)load_checkpoint(path, pool()); }, folder);
}
std::string tokenizer_error(const fs::path& path, const fs::path& folder) {
  return error_of([&] { (void)load_tokenizer(path); }, folder);
}

TEST(StandIn, EveryReaderNamesAPointerAndAPage) {
  const auto check_readers = [](std::string_view contents, const std::string& what) {
    const TemporaryFolder folder;
    const fs::path dir = folder.path();
    const auto spoiled = [&](const char* file) {
      write_text(dir / file, contents);
      return fmt::format("DIR/{}: {}", file, what);
    };
    write_model(dir, tiny_t5(), make_tensors(tiny_t5()));
    EXPECT_EQ(error_for(dir, dir), "");
    std::string want = spoiled("generation_config.json");
    EXPECT_EQ(error_for(dir, dir), want);
    want = spoiled("config.json");
    EXPECT_EQ(error_for(dir, dir), want);
    write_text(dir / "config.json", tiny_t5());
    want = spoiled("model.safetensors");
    EXPECT_EQ(error_for(dir, dir), want);
    fs::remove(dir / "model.safetensors");
    want = spoiled("model.safetensors.index.json");
    EXPECT_EQ(error_for(dir, dir), want);
    want = spoiled("spiece.model");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    EXPECT_EQ(tokenizer_error(dir / "spiece.model", dir), want);
    fs::remove(dir / "spiece.model");
    write_text(dir / "vocab.json", "{\"a\": 0}");
    want = spoiled("merges.txt");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    want = spoiled("vocab.json");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    want = spoiled("vocab.txt");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    want = spoiled("special_tokens_map.json");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    want = spoiled("tokenizer_config.json");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    fs::remove(dir / "special_tokens_map.json");
    write_text(dir / "tokenizer_config.json", "{}");
    want = spoiled("tokenizer.json");
    EXPECT_EQ(tokenizer_error(dir, dir), want);
    want = spoiled("memory");
    EXPECT_EQ(error_of([&] { (void)read_memory_file(dir / "memory"); }, dir), want);
    want = spoiled("lex.bin");
    const ShortlistVocabulary none{.n_sources = 1, .n_targets = 1, .find = {}};
    EXPECT_EQ(error_of([&] { (void)load_shortlist(dir / "lex.bin", none, {}); }, dir), want);
  };
  check_readers(kPointer,
                "a Git LFS pointer, not the file it stands for: fetch that (git lfs pull)");
  check_readers("\n<!DOCTYPE HTML>\n<html><body>404</body></html>",
                "a page of a web site, not the file that it is about: download that");
}

TEST(StandIn, FoldersThatHoldNoModelAreNamed) {
  const TemporaryFolder folder;
  const fs::path dir = folder.path();
  const auto of = [&](const char* name) { return error_for(dir / name, dir); };
  const auto make = [&](const char* name) {
    fs::create_directories((dir / name).parent_path());
    write_text(dir / name, "{}");
  };
  make("hub/snapshots/abc/config.json");
  make("hub/refs/main");
  write_text(dir / "hub/refs/main", "abc\n");
  EXPECT_EQ(of("hub"),
            "DIR/hub: the top of a hub cache, not a model folder: give DIR/hub/snapshots/abc");
  make("hub/snapshots/abd/config.json");
  EXPECT_EQ(of("hub"),
            "DIR/hub: the top of a hub cache, not a model folder: give DIR/hub/snapshots/abc");
  fs::remove(dir / "hub/refs/main");
  EXPECT_EQ(tokenizer_error(dir / "hub", dir),
            "DIR/hub: the top of a hub cache, not a model folder: give DIR/hub/snapshots/abc, abd");
  EXPECT_EQ(of("hub/snapshots"),
            "DIR/hub/snapshots: not a model folder, but of its folders these are: abc, abd");

  make("lora/adapter_model.safetensors");
  make("lora/adapter_config.json");
  write_text(dir / "lora/adapter_config.json", R"({"base_model_name_or_path": "org/bart"})");
  const std::string adapter =
      "DIR/lora: an adapter's weights, not a model's: merge them into org/bart (merge_and_unload, "
      "then save_pretrained) and give that folder";
  EXPECT_EQ(of("lora"), adapter);
  write_text(dir / "lora/config.json", tiny_t5());
  EXPECT_EQ(of("lora"), adapter);

  make("pipe/model_index.json");
  make("pipe/text_encoder/config.json");
  EXPECT_EQ(of("pipe"),
            "DIR/pipe: a pipeline of diffusers, not a model folder; its parts are the folders "
            "text_encoder");

  for (const auto& [file, what] : std::vector<std::pair<std::string, std::string>>{
           {"model.fp16.safetensors",
            "only a variant, model.fp16.safetensors: rename it to model.safetensors"},
           {"model.safetensors.index.fp16.json",
            "only a variant, model.safetensors.index.fp16.json: rename it to "
            "model.safetensors.index.json"},
           {"model-00001-of-00002.safetensors",
            "model-00001-of-00002.safetensors without model.safetensors.index.json, which says "
            "what is where"},
           {"t5.gguf", "only t5.gguf: GGUF is not read: give the model in safetensors"}}) {
    const TemporaryFolder other;
    write_text(other.path() / file, "x");
    EXPECT_EQ(error_for(other.path(), other.path()), "DIR: " + what);
    write_text(other.path() / "config.json", tiny_t5());
    EXPECT_EQ(error_for(other.path(), other.path()), "DIR: " + what);
  }
}

TEST(StandIn, PathsThatAreNoFolderAreNamed) {
  const TemporaryFolder folder;
  const fs::path dir = folder.path();
  EXPECT_EQ(error_for("I am tired.", dir),
            "I am tired.: no such model folder; a text goes to --input");
  EXPECT_EQ(tokenizer_error("I am tired.", dir),
            "I am tired.: no such model folder; a text goes to --input");
  EXPECT_EQ(error_for("google/flan-t5-small", dir),
            "google/flan-t5-small: no such model folder; transept downloads nothing: fetch the "
            "model first (hf download google/flan-t5-small --local-dir flan-t5-small) and give its "
            "folder");
  const std::string longer = std::string(5000, 'a');
  EXPECT_EQ(error_for(longer, dir), longer + ": not a folder");
  write_text(dir / "x.gguf", "GGUF\3");
  EXPECT_EQ(error_for(dir / "x.gguf", dir),
            "DIR/x.gguf: GGUF is not read: give the model in safetensors");
  write_tensors(dir / "model.safetensors", {{"a", {{1}, {1}}}});
  EXPECT_EQ(error_for(dir / "model.safetensors", dir),
            "DIR/model.safetensors: a file, not a model folder: give the folder that holds it and "
            "its config.json");
  write_safetensors(dir / "x.memory", {}, {{"format", "transept memory"}});
  EXPECT_EQ(error_for(dir / "x.memory", dir),
            "DIR/x.memory: a memory file, not a model: give the model that made it, and this file "
            "to --memory");
}

TEST(StandIn, WhatIsNoMemoryFileIsNamed) {
  const TemporaryFolder folder;
  const fs::path dir = folder.path();
  const auto of = [&](const char* name) {
    return error_of([&] { (void)read_memory_file(dir / name); }, dir);
  };
  write_text(dir / "story.txt", "Once upon a time there was a transformer.");
  EXPECT_EQ(of("story.txt"), "DIR/story.txt: not a memory file: encode writes those");
  write_text(dir / "empty", "");
  EXPECT_EQ(of("empty"), "DIR/empty: not a memory file: encode writes those");
  EXPECT_EQ(of("."), "DIR/.: a folder, not a memory file: encode writes those");
  write_tensors(dir / "model.safetensors", {{"a", {{1}, {1}}}});
  const std::string message = of("model.safetensors");
  EXPECT_NE(message.find("not a memory file"), std::string::npos) << message;
}

// Adds a tensor to a tiny model; the error that loading it gives.
std::string with_tensor(const std::string& config, const TensorToWrite& extra) {
  const TemporaryFolder folder;
  write_model(folder.path(), config, make_tensors(config));
  const fs::path file = folder.path() / "model.safetensors";
  const SafetensorsFile old = SafetensorsFile::open(file);
  std::vector<TensorToWrite> all{extra};
  for (const auto& [name, tensor] : old.tensors()) {
    // &from = tensor: C++20 allows to capture a binding, Clang 14 does not.
    all.push_back({.name = name,
                   .type = tensor.type,
                   .shape = tensor.shape,
                   .bytes = {},
                   .make = [&old, &from = tensor] { return old.read(from); }});
  }
  const std::string bytes = safetensors_bytes(all, {{"format", "pt"}});
  write_text(file, bytes);
  return error_for(folder.path(), folder.path());
}

template <class T>
TensorToWrite tensor_of(const char* name, StoredType type, std::vector<int64_t> shape,
                        const std::vector<T>& values) {
  return {.name = name,
          .type = type,
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(values)),
          .make = {}};
}

TEST(Buffers, WhatSaysNothingIsLeftOut) {
  const std::vector<float> one{3};
  const std::vector<float> mask(16, 1);
  const std::vector<int64_t> positions{0, 1, 2, 3};
  const std::vector<int32_t> narrow{0, 1, 2, 3};
  const std::vector<int64_t> zeros(4);
  for (const std::string& config : {tiny_t5(), tiny_bart()}) {
    for (const TensorToWrite& harmless :
         {tensor_of("model.encoder.version", StoredType::f32, {1}, one),
          tensor_of("version", StoredType::f32, {}, one),
          tensor_of("model.decoder.embed_positions._float_tensor", StoredType::f32, {1}, one),
          tensor_of("model.encoder.embed_positions.position_ids", StoredType::i64, {1, 4},
                    positions),
          tensor_of("position_ids", StoredType::i32, {4}, narrow),
          tensor_of("embeddings.token_type_ids", StoredType::i64, {1, 4}, zeros),
          tensor_of("h.0.attn.masked_bias", StoredType::f32, {}, one),
          tensor_of("h.0.attn.bias", StoredType::f32, {1, 1, 4, 4}, mask),
          tensor_of("x.causal_mask", StoredType::f32, {4, 4}, mask),
          tensor_of("x.rotary_emb.inv_freq", StoredType::f32, {16}, mask),
          tensor_of("bn.num_batches_tracked", StoredType::i64, {}, std::vector<int64_t>{7})}) {
      EXPECT_EQ(with_tensor(config, harmless), "") << harmless.name;
    }
    for (const TensorToWrite& other :
         {tensor_of("model.encoder.version", StoredType::f32, {16}, mask),
          tensor_of("x.position_ids", StoredType::f32, {16}, mask),
          tensor_of("x.position_ids", StoredType::i64, {1, 4}, zeros),  // other positions
          tensor_of("x.position_ids", StoredType::i64, {2, 2}, positions),
          tensor_of("x.token_type_ids", StoredType::i64, {1, 4}, positions),
          tensor_of("conversion", StoredType::f32, {1}, one),
          tensor_of("h.0.attn.bias", StoredType::f32, {16}, mask),
          tensor_of("x.causal_mask", StoredType::f32, {2, 8}, mask),
          tensor_of("bn.running_mean", StoredType::f32, {16}, mask)}) {
      EXPECT_NE(with_tensor(config, other).find("is no part of this"), std::string::npos)
          << other.name;
    }
  }
}

TEST(Checkpoint, WeightsInF64AreNarrowed) {
  for (const char* name : {"t5-v1_1", "marian", "bert2gpt2", "mbart"}) {  // gpt2 is transposed
    const TemporaryFolder folder;
    const fs::path from = fs::path(TRANSEPT_FIXTURES "/models") / name;
    fs::copy(from / "config.json", folder.path());
    const SafetensorsFile old = SafetensorsFile::open(from / "model.safetensors");
    std::vector<TensorToWrite> wide;
    std::vector<std::vector<double>> values;
    values.reserve(old.tensors().size());
    for (const auto& [tensor_name, tensor] : old.tensors()) {
      ASSERT_EQ(tensor.type, StoredType::f32);
      std::vector<float> narrow(tensor.size_bytes / sizeof(float));
      old.read(tensor, 0, std::as_writable_bytes(std::span(narrow)));
      values.emplace_back(narrow.begin(), narrow.end());
      wide.push_back(tensor_of(tensor_name.c_str(), StoredType::f64, tensor.shape, values.back()));
    }
    write_safetensors(folder.path() / "model.safetensors", wide, {{"format", "pt"}});
    const Checkpoint want = load_checkpoint(from, pool());
    const Checkpoint came = load_checkpoint(folder.path(), pool());
    EXPECT_EQ(came.model->identity->fingerprint(), want.model->identity->fingerprint()) << name;
  }
}

}  // namespace
}  // namespace transept::testing
