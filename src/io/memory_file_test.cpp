#include "io/memory_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "io/checkpoint.h"
#include "io/inspect.h"
#include "io/support.h"
#include "model/encoder.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

struct Rig {
  explicit Rig(const std::string& fixture = "bart")
      : checkpoint(load_checkpoint(fs::path(TRANSEPT_FIXTURES) / "models" / fixture, pool)),
        model(*checkpoint.model) {}

  [[nodiscard]] Context context() { return {arena, pool, chosen_kernels()}; }
  [[nodiscard]] Memory encode(const std::vector<Token>& ids) {
    Context c = context();
    return encode_memories(c, model, std::vector<std::vector<Token>>{ids})[0];
  }

  Arena arena;
  ThreadPool pool{1};
  Checkpoint checkpoint;
  const Transformer& model;
};

bool same_layers(const Memory& a, const Memory& b) {
  if (a.n_layers() != b.n_layers()) return false;
  for (int i = 0; i < a.n_layers(); ++i) {
    // Concatenated memories have room to spare, so compare what a slice of all rows holds.
    if (a.layer(i).length != b.layer(i).length) return false;
    const Memory whole_a = slice(a, 0, a.rows());
    const Memory whole_b = slice(b, 0, b.rows());
    const KeyValueView x = whole_a.layer(i);
    const KeyValueView y = whole_b.layer(i);
    if (x.capacity != y.capacity) return false;
    if (std::memcmp(x.k, y.k, whole_a.storage().layers[static_cast<size_t>(i)].bytes()) != 0) {
      return false;
    }
  }
  return true;
}

TEST(MemoryFile, LoadsWhatWasSaved) {
  Rig rig;
  const Memory parts[] = {rig.encode({4, 5, 2}), rig.encode({7, 2})};
  const Memory memory = concat(parts);
  const TemporaryFolder folder;
  save_memory(folder.path() / "m.memory", memory, "abc");
  Context c = rig.context();
  const Memory again = load_memory(folder.path() / "m.memory", c, rig.model);
  EXPECT_EQ(again.rows(), 5);
  EXPECT_TRUE(std::equal(again.ids().begin(), again.ids().end(), memory.ids().begin()));
  EXPECT_TRUE(std::equal(again.segments().begin(), again.segments().end(),
                         memory.segments().begin(), memory.segments().end()));
  EXPECT_EQ(std::memcmp(again.hidden().data, memory.hidden().data, memory.hidden().bytes()), 0);
  EXPECT_TRUE(same_layers(again, memory));
  EXPECT_EQ(again.fingerprint(), memory.fingerprint());
  EXPECT_EQ(read_memory_file(SafetensorsFile::open(folder.path() / "m.memory")).text_hash, "abc");
}

TEST(MemoryFile, AnotherModelsMemoryIsRefusedByName) {
  Rig rig;
  Rig other("marian");
  const TemporaryFolder folder;
  save_memory(folder.path() / "m.memory", rig.encode({4, 5, 2}));
  Context c = other.context();
  EXPECT_EQ(error_of([&] { (void)load_memory(folder.path() / "m.memory", c, other.model); },
                     folder.path()),
            fmt::format("DIR/m.memory: made by model {}, not by this one ({}): encode the input "
                        "with this model",
                        rig.model.identity->fingerprint(), other.model.identity->fingerprint()));
}

// A memory file for the BART fixture, put together by hand and spoiled.
struct Spoiled {
  explicit Spoiled(const Transformer& model)
      : width(model.config.encoder.d_model),
        hidden(static_cast<size_t>(3 * width), 0.5F),
        metadata{{"format", "transept memory"},
                 {"version", "2"},
                 {"fingerprint", model.identity->fingerprint()},
                 {"segments", "[[0,1],[1,3]]"},
                 {"text_hash", ""}} {}

  void write(const fs::path& path) const {
    std::vector<TensorToWrite> tensors = {{.name = "hidden",
                                           .type = StoredType::f32,
                                           .shape = {rows, width},
                                           .bytes = std::as_bytes(std::span(hidden)),
                                           .make = {}}};
    if (!ids.empty())
      tensors.push_back({.name = "ids",
                         .type = ids_type,
                         .shape = {static_cast<int64_t>(ids.size())},
                         .bytes = std::as_bytes(std::span(ids)),
                         .make = {}});
    write_safetensors(path, std::move(tensors), metadata);
  }

  int rows = 3;
  int width;
  std::vector<float> hidden;
  std::vector<Token> ids = {4, 5, 2};
  StoredType ids_type = StoredType::i32;
  SafetensorsFile::Metadata metadata;
};

TEST(MemoryFile, WhatIsWrongIsNamed) {
  Rig rig;
  const TemporaryFolder folder;
  const auto path = folder.path() / "m";
  const auto error = [&](const std::function<void(Spoiled&)>& spoil) {
    Spoiled file(rig.model);
    spoil(file);
    file.write(path);
    Context c = rig.context();
    return error_of([&] { (void)load_memory(path, c, rig.model); }, folder.path());
  };
  const int width = rig.model.config.encoder.d_model;
  EXPECT_EQ(error([](Spoiled&) {}), "");
  EXPECT_EQ(error([](Spoiled& f) { f.metadata.erase("format"); }),
            "DIR/m: no \"format\" in the metadata: not a memory file");
  EXPECT_EQ(error([](Spoiled& f) { f.metadata["version"] = "3"; }),
            "DIR/m: version \"3\" of the memory format, expected \"1\" or \"2\"");
  EXPECT_EQ(error([](Spoiled& f) {
              f.metadata["version"] = "1";
              f.ids.clear();
            }),
            "DIR/m: no tensor ids");
  EXPECT_EQ(error([](Spoiled& f) { f.ids_type = StoredType::f32; }),
            "DIR/m: ids: F32 [3], expected I32 with 1 dimension");
  EXPECT_EQ(error([](Spoiled& f) {
              f.ids = {1, 2};
            }),
            "DIR/m: ids: shape [2], expected [3], one for each row of hidden");
  EXPECT_EQ(error([](Spoiled& f) { f.ids[1] = -7; }), "DIR/m: ids[1]: -7, expected 0 or more");
  EXPECT_EQ(
      error([](Spoiled& f) { f.ids[1] = 1 << 20; }),
      fmt::format("DIR/m: ids: 1048576, expected less than {}", rig.model.config.encoder.vocab));
  EXPECT_EQ(error([&](Spoiled& f) {
              f.hidden[static_cast<size_t>(width) + 2] = std::numeric_limits<float>::infinity();
            }),
            "DIR/m: hidden[1, 2]: inf is not finite");
  EXPECT_EQ(error([](Spoiled& f) {
              f.width *= 3;
              f.rows = 1;
              f.ids = {1};
              f.metadata["segments"] = "[[0,1]]";
            }),
            fmt::format("DIR/m: hidden: shape [1, {}], expected [1, {}]", 3 * width, width));
  EXPECT_EQ(error([](Spoiled& f) { f.metadata["segments"] = "[[0,1]]"; }),
            "DIR/m: segments: end at row 1, expected 3");
  EXPECT_EQ(error([](Spoiled& f) { f.metadata["segments"] = "[[0,1],[2,3]]"; }),
            "DIR/m: segments: [1][0]: 2, expected 1 to 1");
  EXPECT_EQ(error([](Spoiled& f) { f.metadata["segments"] = "[[0,1],[1,4]]"; }),
            "DIR/m: segments: [1][1]: 4, expected 2 to 3");
  EXPECT_EQ(error([](Spoiled& f) { f.metadata["segments"] = "[[0,0],[0,3]]"; }),
            "DIR/m: segments: [0][1]: 0, expected 1 to 3");
}

TEST(MemoryFile, AnyPartOfItsBytesCanBeHad) {
  Rig rig;
  const Memory memory = rig.encode({4, 5, 2});
  const std::string whole = memory_bytes(memory);
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100}, whole.size()}) {
    std::string joined;
    for (;;) {
      const std::string part = memory_bytes(memory, joined.size(), piece);
      if (part.empty()) break;
      joined += part;
    }
    EXPECT_EQ(joined, whole) << piece;
  }
  const MemoryShape shape =
      memory_shape(SafetensorsFile::parse(std::as_bytes(std::span(whole)), "m"));
  EXPECT_EQ(shape.rows, 3);
  EXPECT_EQ(shape.width, rig.model.config.encoder.d_model);
  EXPECT_EQ(shape.fingerprint, rig.model.identity->fingerprint());
}

// Made by what wrote version 1; tests/fixtures/memories has its story.
TEST(MemoryFile, ReadsVersionOne) {
  Rig rig("tiny-t5-text");
  const fs::path file = fs::path(TRANSEPT_FIXTURES) / "memories" / "version-1.memory";
  Context c = rig.context();
  const Memory old = load_memory(file, c, rig.model);
  const Memory fresh = rig.encode({3, 22, 14, 4, 32, 3, 90, 73, 1});
  EXPECT_TRUE(std::ranges::equal(old.ids(), fresh.ids()));
  EXPECT_EQ(std::memcmp(old.hidden().data, fresh.hidden().data, fresh.hidden().bytes()), 0);
  EXPECT_TRUE(same_layers(old, fresh));
  // Written again it is version 2.
  const TemporaryFolder folder;
  save_memory(folder.path() / "m", old);
  EXPECT_EQ(SafetensorsFile::open(folder.path() / "m").metadata().at("version"), "2");
}

// What was not made from tokens: rows without ids.
TEST(MemoryFile, IdsMayBeMissing) {
  Rig rig;
  const TemporaryFolder folder;
  const auto path = folder.path() / "m";
  Spoiled file(rig.model);
  file.ids.clear();
  file.write(path);
  Context c = rig.context();
  const Memory memory = load_memory(path, c, rig.model);
  EXPECT_EQ(memory.rows(), 3);
  EXPECT_TRUE(memory.ids().empty());
  const Memory part = slice(memory, 1, 3);
  EXPECT_EQ(part.rows(), 2);
  EXPECT_TRUE(part.ids().empty());
  save_memory(path, part);
  EXPECT_EQ(load_memory(path, c, rig.model).rows(), 2);
  EXPECT_EQ(SafetensorsFile::open(path).find("ids"), nullptr);
  const Memory both[] = {part, rig.encode({4, 5, 2})};
  EXPECT_EQ(error_of([&] { (void)concat(both); }, folder.path()),
            "a memory of tokens and one of another source cannot be joined");
  ThreadPool pool{1};
  const Report report = inspect(path, pool);
  EXPECT_NE(to_text(report).find("not tokens"), std::string::npos);
  EXPECT_NE(to_json(report).find("\"of_tokens\":false"), std::string::npos);
}

TEST(MemoryFile, DamageIsAnErrorOrHarmless) {
  Rig rig;
  const TemporaryFolder folder;
  const auto path = folder.path() / "m";
  save_memory(path, rig.encode({4, 2}), "hash");
  const std::string good = read_file(path);
  for_each_damage(good, 4096, [&](const std::string& damaged) {
    write_text(path, damaged);
    const size_t peak = peak_allocation([&] {
      try {
        Context c = rig.context();
        const Memory memory = load_memory(path, c, rig.model);
        EXPECT_EQ(memory.rows(), 2);
      } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      }
    });
    EXPECT_LE(peak, 2 * damaged.size() + (64 << 10));
  });
}

}  // namespace
}  // namespace transept::testing
