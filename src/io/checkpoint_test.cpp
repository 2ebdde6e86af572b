#include "io/checkpoint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "io/support.h"
#include "io/tensor_set.h"
#include "model/encoder.h"
#include "model/memory.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

// A model folder that tests spoil before they load it.
struct Folder {
  explicit Folder(const std::string& config_json) : config(config_json) {
    tensors = make_tensors(config);
  }

  [[nodiscard]] Checkpoint load() {
    write_model(folder.path(), config, tensors);
    return load_checkpoint(folder.path(), pool());
  }
  [[nodiscard]] std::string error() {
    return error_of([&] { (void)load(); }, folder.path());
  }
  void set(const std::string& from, const std::string& to) {
    const size_t at = config.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    config.replace(at, from.size(), to);
  }

  TemporaryFolder folder;
  std::string config;
  ModelTensors tensors;
};

TEST(Checkpoint, LoadsASmallModelOfEachNamingScheme) {
  for (const std::string& config : {tiny_t5(), tiny_bart()}) {
    Folder f(config);
    const Checkpoint checkpoint = f.load();
    EXPECT_TRUE(checkpoint.model->config.has_encoder());
    EXPECT_EQ(checkpoint.config_json, config);
    EXPECT_EQ(checkpoint.generation_config_json, "");
    EXPECT_EQ(checkpoint.model->identity->fingerprint().size(), 32u);
  }
}

TEST(Checkpoint, WrongTensorsAreNamed) {
  const std::string q = "encoder.block.0.layer.0.SelfAttention.q.weight";
  {
    Folder f(tiny_t5());
    f.tensors.erase(q);
    EXPECT_EQ(f.error(), "DIR/model.safetensors: no tensor " + q + " [3, 2]");
    f.tensors.erase("shared.weight");
    EXPECT_EQ(f.error(),
              "DIR/model.safetensors: no tensor shared.weight [3, 2], and 1 more are missing");
  }
  {
    Folder f(tiny_t5());
    f.tensors[q].shape = {2, 3};
    EXPECT_EQ(f.error(), "DIR/model.safetensors: " + q + ": shape [2, 3], expected [3, 2]");
    f.tensors[q].shape = {6};
    EXPECT_EQ(f.error(), "DIR/model.safetensors: " + q + ": shape [6], expected [3, 2]");
  }
  {
    Folder f(tiny_t5());
    f.tensors["extra.weight"] = {{1}, {1}};
    EXPECT_EQ(f.error(),
              "DIR/model.safetensors: tensor extra.weight [1] is no part of this t5 model");
    f.tensors["more.weight"] = {{1}, {1}};
    EXPECT_EQ(f.error(),
              "DIR/model.safetensors: tensor extra.weight [1] is no part of this t5 "
              "model, and 1 more are not");
  }
  {
    Folder f(tiny_t5());
    f.tensors[q].values[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(f.error(), "DIR/model.safetensors: " + q +
                             ": a value is not finite (encoder.0.self.q.weight[1, 1])");
    f.tensors[q].values[3] = -std::numeric_limits<float>::infinity();
    EXPECT_NE(f.error(), "");
  }
}

TEST(Checkpoint, TiedTablesMustAgree) {
  Folder f(tiny_bart());
  f.tensors["lm_head.weight"] = f.tensors["model.shared.weight"];
  EXPECT_EQ(f.error(), "");
  f.tensors["lm_head.weight"].values[0] += 1;
  EXPECT_EQ(f.error(),
            "DIR/model.safetensors: lm_head.weight differs from model.shared.weight, to which the "
            "configuration ties it");
  // The name that stands for the table does not matter.
  f.tensors.erase("model.shared.weight");
  EXPECT_EQ(f.error(), "");
}

// transformers 5 ties T5's head whatever the configuration says, unless the file disagrees.
TEST(Checkpoint, TheFileDecidesWhetherAT5HeadIsTied) {
  Folder f(tiny_t5());
  f.tensors["lm_head.weight"] = f.tensors["shared.weight"];
  EXPECT_TRUE(f.load().model->config.head.tied);
  f.tensors["lm_head.weight"].values[0] += 1;
  Checkpoint own = f.load();
  EXPECT_FALSE(own.model->config.head.tied);
  EXPECT_FLOAT_EQ(own.model->config.head.scale, 1 / std::sqrt(2.0F));
  f.set("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
  EXPECT_EQ(f.load().model->config.head.scale, 1);
  f.tensors.erase("lm_head.weight");
  own = f.load();
  EXPECT_TRUE(own.model->config.head.tied);
  EXPECT_EQ(own.model->config.head.scale, 1);
}

TEST(Checkpoint, UnknownSwitchesAreNamed) {
  const auto error = [](const std::string& config, const std::string& from, const std::string& to) {
    Folder f(config);
    f.set(from, to);
    return f.error();
  };
  EXPECT_EQ(error(tiny_bart(), "\"gelu\"", "\"mish\""),
            "DIR/config.json: activation_function: \"mish\", expected relu, gelu, gelu_new, silu, "
            "swish or tanh");
  EXPECT_EQ(error(tiny_t5(), "gated-gelu", "gated-quick_gelu"),
            "DIR/config.json: feed_forward_proj: \"quick_gelu\", expected relu, gelu, gelu_new, "
            "silu, swish or tanh");
  EXPECT_EQ(error(tiny_bart(), "\"d_model\"", "\"normalize_before\": true, \"d_model\""),
            "DIR/config.json: normalize_before: true, expected false");
  EXPECT_EQ(
      error(tiny_t5(), "\"t5\"", "\"umt5\""),
      "DIR/config.json: model_type: \"umt5\", expected t5, mt5, bart, mbart, pegasus, m2m_100, "
      "marian, fsmt, bert, roberta, xlm-roberta, gpt2 or encoder-decoder");
  EXPECT_EQ(error(tiny_t5(), "\"d_model\": 2", "\"d_model\": 2.5"),
            "DIR/config.json: d_model: a number, expected an integer");
  EXPECT_EQ(error(tiny_t5(), "\"num_layers\": 1", "\"num_layers\": 4000000000"),
            "DIR/config.json: num_layers: 4000000000, expected 0 to 1024");
  EXPECT_EQ(error(tiny_t5(), "\"d_kv\": 3", "\"d_kv\": 300000"),
            "DIR/config.json: encoder.d_head: 300000, expected 1 to 4096");
  EXPECT_EQ(error(tiny_bart(), "\"decoder_attention_heads\": 2", "\"decoder_attention_heads\": 3"),
            "DIR/config.json: decoder_attention_heads: 3, expected a divisor of the width 2");
  EXPECT_EQ(error(tiny_t5(), "\"d_model\"", "\"quantization_config\": {}, \"d_model\""),
            "DIR/config.json: quantization_config: weights quantised by another program; transept "
            "reads F32, F16 and BF16");
}

TEST(Checkpoint, MissingFilesAreNamed) {
  const TemporaryFolder folder;
  const auto error = [&] {
    return error_of([&] { (void)load_checkpoint(folder.path(), pool()); }, folder.path());
  };
  EXPECT_EQ(error_of([&] { (void)load_checkpoint(folder.path() / "none", pool()); }, folder.path()),
            "DIR/none: not a folder");
  EXPECT_EQ(error(), "DIR/config.json: cannot open: No such file or directory");
  write_text(folder.path() / "config.json", tiny_t5());
  EXPECT_EQ(error(), "DIR: neither model.safetensors nor model.safetensors.index.json");
  write_text(folder.path() / "pytorch_model.bin", "x");
  EXPECT_EQ(error(),
            "DIR: only pytorch_model.bin, which transept does not read: convert it to "
            "model.safetensors (save_pretrained of a current transformers does)");
}

// Two shards and an index; `index` may be spoiled.
void write_shards(const fs::path& folder, const ModelTensors& tensors, std::string* index) {
  ModelTensors halves[2];
  std::string map;
  int i = 0;
  for (const auto& [name, tensor] : tensors) {
    halves[i % 2][name] = tensor;
    map += fmt::format("{}\"{}\":\"s{}.safetensors\"", map.empty() ? "" : ",", name, i % 2);
    ++i;
  }
  write_tensors(folder / "s0.safetensors", halves[0]);
  write_tensors(folder / "s1.safetensors", halves[1]);
  *index = "{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map + "}}";
}

TEST(Checkpoint, ShardsAreOneModel) {
  Folder whole(tiny_bart());
  const std::string fingerprint = whole.load().model->identity->fingerprint();
  const TemporaryFolder folder;
  std::string index;
  write_shards(folder.path(), whole.tensors, &index);
  write_text(folder.path() / "config.json", whole.config);
  const auto load = [&](const std::string& text) {
    write_text(folder.path() / "model.safetensors.index.json", text);
    return load_checkpoint(folder.path(), pool());
  };
  EXPECT_EQ(load(index).model->identity->fingerprint(), fingerprint);

  const auto error = [&](const std::string& to) {
    std::string spoiled = index;
    spoiled.replace(spoiled.find("s0.safetensors"), 14, to);
    return error_of([&] { (void)load(spoiled); }, folder.path());
  };
  const std::string first = whole.tensors.begin()->first;
  const std::string where = "DIR/model.safetensors.index.json: weight_map." + first;
  for (const char* outside : {"../s0.safetensors", "/etc/passwd", "..", ".", "", "a/b"}) {
    EXPECT_EQ(error(outside),
              fmt::format("{}: \"{}\" is not the name of a file in this folder", where, outside));
  }
  EXPECT_EQ(error("s2.safetensors"), "DIR/s2.safetensors: cannot open: No such file or directory");
  EXPECT_EQ(error("s1.safetensors"), "DIR/s1.safetensors: no tensor \"" + first +
                                         "\", which model.safetensors.index.json places there");
}

TEST(Checkpoint, StoredSinusoidsMustBeTheOnesComputedHere) {
  std::string config = tiny_bart();
  config.replace(config.find("bart"), 4, "marian");
  config.insert(config.find("\"d_model\""), "\"pad_token_id\": 4, \"decoder_start_token_id\": 4, ");
  Folder f(config);
  // Width 2: one sine, one cosine, of the position itself.
  ModelTensor table{{3, 2}, {}};
  for (int i = 0; i < 3; ++i) {
    table.values.push_back(std::sin(static_cast<float>(i)));
    table.values.push_back(std::cos(static_cast<float>(i)));
  }
  f.tensors["model.encoder.embed_positions.weight"] = table;
  EXPECT_EQ(f.error(), "");
  std::swap(f.tensors["model.encoder.embed_positions.weight"].values[2],
            f.tensors["model.encoder.embed_positions.weight"].values[3]);
  EXPECT_EQ(
      f.error(),
      "DIR/model.safetensors: model.encoder.embed_positions.weight[1, 0]: 0.5403023, expected "
      "0.84147096: not the sinusoids of a marian model");
}

TEST(Checkpoint, GenerationConfigOverridesSpecialTokens) {
  Folder f(tiny_t5());
  write_text(f.folder.path() / "generation_config.json",
             R"({"eos_token_id": [1, 2], "decoder_start_token_id": 2})");
  const Checkpoint checkpoint = f.load();
  EXPECT_EQ(checkpoint.model->config.eos, (std::vector<Token>{1, 2}));
  EXPECT_EQ(checkpoint.model->config.decoder_start, 2);
  EXPECT_EQ(checkpoint.model->config.pad, 0);
}

// Values of every tensor of a folder, by name.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> out;
  const TensorSet set = TensorSet::open(folder);
  for (const auto& [name, entry] : set.entries()) {
    const Buffer bytes = entry.file->read(*entry.tensor);
    out[name] =
        fmt::format("{} {} ", name_of(entry.tensor->type), shape_text(entry.tensor->shape)) +
        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

class Fixture : public ::testing::TestWithParam<std::string> {};

TEST_P(Fixture, SavesWhatItLoaded) {
  const fs::path from = fs::path(TRANSEPT_FIXTURES) / "models" / GetParam();
  const Checkpoint loaded = load_checkpoint(from, pool());
  const TemporaryFolder to;
  save_checkpoint(to.path(), *loaded.model, loaded.config_json, loaded.generation_config_json);
  EXPECT_EQ(read_file(to.path() / "config.json"), loaded.config_json);
  const Checkpoint again = load_checkpoint(to.path(), pool());
  EXPECT_EQ(again.model->identity->fingerprint(), loaded.model->identity->fingerprint());
  // Half-precision norms and biases are f32 in memory, so they are written as that.
  if (GetParam().ends_with("16")) return;
  const auto saved = contents(to.path());
  const auto original = contents(from);
  for (const auto& [name, bytes] : saved) {
    ASSERT_TRUE(original.contains(name)) << name;
    EXPECT_TRUE(original.at(name) == bytes) << name;
  }
  for (const auto& [name, bytes] : original) {
    if (saved.contains(name)) continue;
    // Only copies of others, tables that are computed and heads that are not run.
    const bool known = name.ends_with("embed_positions.weight") || name.starts_with("cls.") ||
                       name.ends_with("predictions.bias") ||
                       name.find("pooler.") != std::string::npos;
    EXPECT_TRUE(known) << name;
  }
}

// Of whatever type its tensors are stored in.
TEST_P(Fixture, IsTheSameInTwoShards) {
  const fs::path from = fs::path(TRANSEPT_FIXTURES) / "models" / GetParam();
  const TemporaryFolder to;
  std::vector<TensorToWrite> shards[2];
  std::string map;
  const TensorSet set = TensorSet::open(from);
  for (int i = 0; const auto& [name, entry] : set.entries()) {
    shards[i % 2].push_back({.name = name,
                             .type = entry.tensor->type,
                             .shape = entry.tensor->shape,
                             .bytes = {},
                             .make = [&e = entry] { return e.file->read(*e.tensor); }});
    map += fmt::format("{}\"{}\":\"s{}.safetensors\"", map.empty() ? "" : ",", name, i % 2);
    ++i;
  }
  for (int i = 0; i < 2; ++i)
    write_safetensors(to.path() / fmt::format("s{}.safetensors", i), shards[i], {});
  to.write("model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
  fs::copy(from / "config.json", to.path());
  EXPECT_EQ(load_checkpoint(to.path(), pool()).model->identity->fingerprint(),
            load_checkpoint(from, pool()).model->identity->fingerprint());
}

TEST_P(Fixture, RefusesAnInputBeyondItsPositions) {
  const Checkpoint loaded =
      load_checkpoint(fs::path(TRANSEPT_FIXTURES) / "models" / GetParam(), pool());
  const Config& config = loaded.model->config;
  if (!config.has_encoder()) return;
  const int most = config.encoder.max_positions;
  const std::vector<Token> ids(static_cast<size_t>(most > 0 ? most : 5000), 1);
  check_source(config, ids);
  if (most == 0) return;
  std::vector<Token> more = ids;
  more.push_back(1);
  EXPECT_EQ(
      error_of([&] { check_source(config, more); }, ""),
      fmt::format("the input has {} tokens, the encoder has {} positions; shorten or split it",
                  most + 1, most));
}

std::vector<std::string> fixtures() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(TRANSEPT_FIXTURES) / "models")) {
    if (fs::exists(entry.path() / "config.json")) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, Fixture, ::testing::ValuesIn(fixtures()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Checkpoint, SavingRefusesAnotherModelsConfig) {
  Folder f(tiny_t5());
  const Checkpoint checkpoint = f.load();
  const TemporaryFolder to;
  EXPECT_EQ(
      error_of([&] { save_checkpoint(to.path(), *checkpoint.model, tiny_bart()); }, to.path()),
      "DIR: config.json describes another model than the one to save");
}

// Loading spoiled files: an Error, or a model; never more memory than the file explains.
void load_damaged(const fs::path& folder, const std::string& file, size_t flips, size_t constant) {
  const std::string good = read_file(folder / file);
  for_each_damage(good, flips, [&](const std::string& damaged) {
    write_text(folder / file, damaged);
    const size_t peak = peak_allocation([&] {
      try {
        const Checkpoint checkpoint = load_checkpoint(folder, pool());
        EXPECT_NE(checkpoint.model, nullptr);
      } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
        EXPECT_NE(e.code(), ErrorCode::internal) << e.what();
      }
    });
    EXPECT_LE(peak, 2 * damaged.size() + constant);
  });
  write_text(folder / file, good);
}

TEST(Damage, WeightsOfASmallModel) {
  Folder f(tiny_t5());
  (void)f.load();
  load_damaged(f.folder.path(), "model.safetensors", 4000, 128 << 10);
}

TEST(Damage, ConfigOfASmallModel) {
  for (const std::string& config : {tiny_t5(), tiny_bart()}) {
    Folder f(config);
    (void)f.load();
    load_damaged(f.folder.path(), "config.json", 4000, 4 << 20);  // up to 1024 layers of names
  }
}

TEST(Damage, IndexOfASmallModel) {
  Folder f(tiny_bart());
  std::string index;
  write_shards(f.folder.path(), f.tensors, &index);
  write_text(f.folder.path() / "config.json", f.config);
  write_text(f.folder.path() / "model.safetensors.index.json", index);
  load_damaged(f.folder.path(), "model.safetensors.index.json", 4000, 256 << 10);
}

}  // namespace
}  // namespace transept::testing
