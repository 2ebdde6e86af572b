// What is loaded is its own: a folder that changes afterwards changes nothing, and one that changes
// meanwhile is an error. And what is no regular file is refused by its name.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "base/file.h"
#include "io/checkpoint.h"
#include "io/convert.h"
#include "io/memory_file.h"
#include "io/shortlist_file.h"
#include "io/support.h"
#include "io/tensor_set.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "model/memory.h"
#include "text/tokenizer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

void copy_fixture(const std::string& name, const fs::path& to) {
  for (const fs::path& file : files_of(fs::path(TRANSEPT_FIXTURES) / "models" / name)) {
    const std::string kind = file.filename().string();
    if (kind.starts_with("golden") || kind.starts_with("gradients")) continue;
    fs::copy_file(file, to / kind, fs::copy_options::overwrite_existing);
  }
}

std::vector<fs::path> weight_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::path& file : files_of(folder)) {
    const std::string name = file.filename().string();
    if (name.starts_with("model") && name.ends_with(".safetensors")) files.push_back(file);
  }
  return files;
}

// In place, as `cp` does it: the old bytes are gone for everybody who has the file open.
void overwrite(const fs::path& file) {
  const std::string other(fs::file_size(file), '\x11');
  std::ofstream(file, std::ios::binary) << other;
}

void cut(const fs::path& file) {
  fs::resize_file(file, 16);
}

// What the model answers, to the bit, and what its memories say of where they come from.
std::string answer_of(const Transformer& model) {
  Arena arena;
  Context c{arena, pool(), chosen_kernels()};
  const std::vector<Token> source = {5, 7, 9};
  std::string answer;
  const auto add = [&](const void* data, size_t size) {
    answer.append(static_cast<const char*>(data), size);
  };
  const std::vector<Memory> memories = encode_memories(c, model, std::span(&source, 1));
  add(memories[0].hidden().data, memories[0].hidden().bytes());
  const Memory* memory = memories.data();
  Batch batch;
  batch.add(3);
  const Tensor hidden = decode(c, model, batch, source, std::span(&memory, 1), {});
  const Tensor all = logits(c, model, hidden, nullptr);
  add(all.data, all.bytes());
  return answer + memories[0].fingerprint();
}

const std::vector<std::string> kModels = {"marian",       "t5-v1_1-bf16",   "t5-v1_1-f16",
                                          "bart-sharded", "t5-v1_0-untied", "bert2gpt2-widths"};

TEST(ChangingFiles, ALoadedModelNeedsItsFilesNoMore) {
  for (const std::string& name : kModels) {
    for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4}) {
      for (const auto spoil : {overwrite, cut}) {
        SCOPED_TRACE(name + " " + name_of(storage));
        const TemporaryFolder folder;
        copy_fixture(name, folder.path());
        const LoadOptions options{.storage = storage};
        const std::string before =
            answer_of(*load_checkpoint(folder.path(), pool(), options).model);
        const Checkpoint loaded = load_checkpoint(folder.path(), pool(), options);
        for (const fs::path& file : weight_files(folder.path())) spoil(file);
        EXPECT_TRUE(answer_of(*loaded.model) == before);
      }
    }
  }
}

TEST(ChangingFiles, SoDoesAConvertedOne) {
  for (const Storage storage : {Storage::bf16, Storage::int8, Storage::int4}) {
    const TemporaryFolder folder;
    ConvertOptions options;
    options.storage = storage;
    (void)convert_checkpoint(fs::path(TRANSEPT_FIXTURES) / "models" / "marian", folder.path(),
                             options, pool());
    const std::string before = answer_of(*load_checkpoint(folder.path(), pool()).model);
    const Checkpoint loaded = load_checkpoint(folder.path(), pool());
    for (const fs::path& file : weight_files(folder.path())) cut(file);
    EXPECT_TRUE(answer_of(*loaded.model) == before);
  }
}

TEST(ChangingFiles, AModelIsSavedAsItWasLoaded) {
  for (const std::string& name : kModels) {
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    const TemporaryFolder saved;
    copy_fixture(name, folder.path());
    const Checkpoint loaded = load_checkpoint(folder.path(), pool());
    for (const fs::path& file : weight_files(folder.path())) cut(file);
    save_checkpoint(saved.path(), *loaded.model, loaded.config_json, loaded.generation_config_json);
    EXPECT_TRUE(answer_of(*load_checkpoint(saved.path(), pool()).model) ==
                answer_of(*loaded.model));
  }
}

// What loading a folder says if `change` happens when the first matrix has been read.
std::string error_when(const fs::path& folder, const std::function<void()>& change) {
  bool changed = false;
  LoadOptions options;
  options.packed = [&](const Weight&) {
    if (!std::exchange(changed, true)) change();
  };
  return error_of([&] { (void)load_checkpoint(folder, pool(), options); }, folder);
}

TEST(ChangingFiles, AChangeWhileLoadingIsToldAndNeverMixedIn) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  for (const auto spoil : {overwrite, cut}) {
    copy_fixture("marian", folder.path());
    EXPECT_EQ(error_when(folder.path(), [&] { spoil(file); }),
              "DIR/model.safetensors: cannot read: the file was changed meanwhile; try again when "
              "it is whole");
  }
  copy_fixture("marian", folder.path());
  EXPECT_EQ(error_when(folder.path(), [&] { overwrite(folder.path() / "config.json"); }),
            "DIR/config.json: was changed while the model was loaded; try again");
}

TEST(ChangingFiles, AChangeOfAShardIsTold) {
  const TemporaryFolder folder;
  copy_fixture("bart-sharded", folder.path());
  const std::vector<fs::path> shards = weight_files(folder.path());
  ASSERT_GT(shards.size(), 1U);
  EXPECT_EQ(error_when(folder.path(), [&] { overwrite(shards.back()); }),
            fmt::format("DIR/{}: cannot read: the file was changed meanwhile; try again when it is "
                        "whole",
                        shards.back().filename().string()));
}

TEST(ChangingFiles, AReplacedFileIsReadToItsEnd) {
  const TemporaryFolder folder;
  copy_fixture("marian", folder.path());
  const std::string before = answer_of(*load_checkpoint(folder.path(), pool()).model);
  bool changed = false;
  LoadOptions options;
  options.packed = [&](const Weight&) {
    if (!std::exchange(changed, true))
      write_file_atomic(folder.path() / "model.safetensors", "another");
  };
  EXPECT_TRUE(answer_of(*load_checkpoint(folder.path(), pool(), options).model) == before);
}

// Puts into the place of a file what cannot be read, and tells what `use` says of it.
std::string error_with(const fs::path& file, const std::string& kind,
                       const std::function<void()>& use) {
  const fs::path kept = file.string() + ".kept";
  if (fs::exists(file)) fs::rename(file, kept);
  if (kind == "pipe" && ::mkfifo(file.c_str(), 0600) != 0) ADD_FAILURE() << file;
  if (kind == "folder") fs::create_directory(file);
  if (kind == "device") fs::create_symlink("/dev/zero", file);
  if (kind == "loop") fs::create_symlink(file.filename(), file);
  std::string error = error_of(use, file.parent_path());
  fs::remove(file);
  if (fs::exists(kept)) fs::rename(kept, file);
  return error;
}

std::string refusal(const std::string& name, const std::string& kind) {
  return "DIR/" + name +
         (kind == "loop" ? ": cannot open: Too many levels of symbolic links"
                         : ": a " + kind + ", expected a regular file");
}

TEST(SpecialFiles, InAModelFolderAreRefusedByName) {
  for (const char* kind : {"pipe", "folder", "device", "loop"}) {
    const auto check_refused = [&](const std::string& model, const std::string& name) {
      const TemporaryFolder folder;
      copy_fixture(model, folder.path());
      const auto load = [&] { (void)load_checkpoint(folder.path(), pool()); };
      EXPECT_EQ(error_with(folder.path() / name, kind, load), refusal(name, kind)) << model;
    };
    check_refused("marian", "config.json");
    check_refused("marian", "model.safetensors");
    check_refused("marian", "generation_config.json");
    check_refused("bart-sharded", "model.safetensors.index.json");
    check_refused("bart-sharded",
                  weight_files(fs::path(TRANSEPT_FIXTURES) / "models" / "bart-sharded")[0]
                      .filename()
                      .string());
  }
}

TEST(SpecialFiles, InATokenizerFolderAreRefusedByName) {
  for (const char* kind : {"pipe", "folder", "device", "loop"}) {
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json",
                             "spiece.model", "source.spm"}) {
      if (fs::path(name).extension() == ".model" && std::string_view(kind) == "folder") continue;
      const TemporaryFolder folder;
      if (std::string_view(name) == "tokenizer_config.json")
        copy_fixture("tiny-t5-text", folder.path());
      folder.write("merges.txt", "");
      if (std::string_view(name) == "source.spm") folder.write("target.spm", "");
      const std::string error =
          error_with(folder.path() / name, kind, [&] { (void)load_tokenizer(folder.path()); });
      EXPECT_EQ(error, refusal(name, kind));
    }
  }
}

TEST(SpecialFiles, AsMemoryOrTokenizerAreRefusedByName) {
  const TemporaryFolder folder;
  for (const char* kind : {"pipe", "folder", "device", "loop"}) {
    const auto refused = [&](const std::string& name, const std::function<void()>& use) {
      EXPECT_EQ(error_with(folder.path() / name, kind, use), refusal(name, kind));
    };
    const fs::path memory = folder.path() / "m.memory";
    refused("m.memory", [&] { (void)read_memory_file(SafetensorsFile::open(memory)); });
    if (std::string_view(kind) == "folder") continue;  // which is a tokenizer's folder
    const fs::path model = folder.path() / "x.model";
    refused("x.model", [&] { (void)load_tokenizer(model); });
  }
}

}  // namespace
}  // namespace transept::testing
